"""Hand-written kernels, installed as ``voxgpu.kernels``."""
