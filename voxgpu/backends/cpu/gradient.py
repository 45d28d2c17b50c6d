"""The gradient's magnitude on the CPU, see ``kernels/gradient.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.backends.cpu.registry import implements
from voxgpu.backends.node_use import NodeUse
from voxgpu.backends.thread_pool import ThreadPool, slabs
from voxgpu.codegen.numba_kernels import kernel
from voxgpu.float32 import as_float32
from voxgpu.image import Grid, to_3d
from voxgpu.primitives import texture

Array = npt.NDArray[Any]


def _scratch(use: NodeUse) -> float:
    """The voxels as float32, unless they are."""
    return 0 if use.elements[0] == "float32" else 4


@implements(texture.gradient, scratch=_scratch)
def gradient(v: Array, grid: Grid, pool: ThreadPool) -> Array:
    """The primitive of that name; ``v`` may be of any element."""
    values = as_float32(v)
    out: Array = pool.empty(v.shape, np.float32)
    depth, height, width = to_3d(v.shape, 1)
    # ITK multiplies by the halved inverse of the spacing before it subtracts.
    weights = [0.5 * (1.0 / each) for each in to_3d(grid.spacing, 1.0)]
    magnitude = kernel("gradient", "magnitude_float32")

    def part(rows: tuple[int, int]) -> None:
        magnitude(*rows, depth, height, width, v.ndim, *weights, values, out)

    pool.map(part, slabs(depth * height, width))
    return out
