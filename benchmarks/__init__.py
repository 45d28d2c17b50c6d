"""What does voxgpu take? Run with ``make bench`` or ``python -m benchmarks``."""
