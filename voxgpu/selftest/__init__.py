"""The self-test: comparison of this computer's devices with the reference."""
