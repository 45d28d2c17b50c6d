"""One program over many cases and combinations of its variables."""
