"""From primitives to hand-written kernels: how the CPU computes what no generated kernel can."""
