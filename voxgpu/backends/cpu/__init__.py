"""The CPU backend, and its implementations of primitives with hand-written kernels."""
