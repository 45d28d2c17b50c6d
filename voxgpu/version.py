"""The version of voxgpu."""

__version__ = "0.1.0"
