"""Benchmarks of voxgpu. Run with ``make bench`` or ``python -m benchmarks``."""
