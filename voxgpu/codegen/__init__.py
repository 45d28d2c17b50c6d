"""Kernel bodies: expressions traced from primitives, and their renderings to code."""
