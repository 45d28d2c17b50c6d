"""From a plan to a schedule."""
