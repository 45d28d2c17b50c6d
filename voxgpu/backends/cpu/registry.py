"""The registry of hand-written kernels of the CPU."""

from __future__ import annotations

from voxgpu.backends.registry import Registry

KERNELS = Registry("voxgpu.backends.cpu")

#: Registers a function of arrays, which may name ``grid`` and ``pool``.
implements = KERNELS.implements
