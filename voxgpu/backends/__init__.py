"""Backends: the CPU, GPUs, the reference, and the selection between them."""
