"""From the body of a primitive to a function: the language of bodies and its renderings."""
