"""Tests of voxgpu.backends."""
