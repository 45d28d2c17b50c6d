"""The primitives of the language: one module per family."""
