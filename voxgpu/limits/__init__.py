"""Limits on the memory and the cores of this process, and their sources."""
