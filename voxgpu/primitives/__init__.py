"""What the language can do: one module per family of primitives."""
