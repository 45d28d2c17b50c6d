"""How is the gradient's magnitude computed on the CPU? See ``kernels/gradient.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.backends.thread_pool import ThreadPool, slabs
from voxgpu.codegen.numba_kernels import kernel
from voxgpu.image import Grid

Array = npt.NDArray[Any]


def gradient(v: Array, grid: Grid, workers: ThreadPool) -> Array:
    """The primitive of that name; ``v`` may be of any element."""
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(v, dtype=np.float32)
    out: Array = workers.empty(v.shape, np.float32)
    depth, height, width = (1,) * (3 - v.ndim) + v.shape
    # ITK multiplies by the halved inverse of the spacing before it subtracts.
    weights = [0.5 * (1.0 / each) for each in (1.0,) * (3 - v.ndim) + tuple(grid.spacing)]
    magnitude = kernel("gradient", "magnitude_float32")

    def part(rows: tuple[int, int]) -> None:
        magnitude(*rows, depth, height, width, v.ndim, *weights, values, out)

    workers.map(part, slabs(depth * height, width))
    return out
