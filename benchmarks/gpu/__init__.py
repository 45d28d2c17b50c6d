"""Benchmarks on a GPU, run with ``make bench-gpu``."""
