"""Planted faults: a table of changes to voxgpu, each with the tests that should notice it."""
