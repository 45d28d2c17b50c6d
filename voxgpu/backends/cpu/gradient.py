"""How is the gradient's magnitude computed on the CPU? See ``kernels/gradient.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.backends.thread_pool import ThreadPool, slabs
from voxgpu.codegen.numba_kernels import kernel
from voxgpu.float32 import as_float32
from voxgpu.image import Grid, to_3d

Array = npt.NDArray[Any]


def gradient(v: Array, grid: Grid, workers: ThreadPool) -> Array:
    """The primitive of that name; ``v`` may be of any element."""
    values = as_float32(v)
    out: Array = workers.empty(v.shape, np.float32)
    depth, height, width = to_3d(v.shape, 1)
    # ITK multiplies by the halved inverse of the spacing before it subtracts.
    weights = [0.5 * (1.0 / each) for each in to_3d(grid.spacing, 1.0)]
    magnitude = kernel("gradient", "magnitude_float32")

    def part(rows: tuple[int, int]) -> None:
        magnitude(*rows, depth, height, width, v.ndim, *weights, values, out)

    workers.map(part, slabs(depth * height, width))
    return out
