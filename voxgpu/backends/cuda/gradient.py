"""The gradient's magnitude on a device, see ``kernels/gradient.cu``."""

from __future__ import annotations

import numpy as np

from voxgpu.backends.cuda.launch import Array, Device, blocks_of
from voxgpu.backends.cuda.registry import implements
from voxgpu.image import Grid
from voxgpu.primitives import texture

#: Voxels of a row that a warp works on, rows that it walks over, and warps of a block.
LANES, STEPS, WARPS = 32, 16, 8


@implements(texture.gradient, scratch=0, libraries=("gradient",))
def gradient(v: Array, grid: Grid, device: Device) -> Array:
    """The primitive of that name: per mm, float32; ``v`` may be of any element.

    Shapes (z, y, x) or (y, x).
    """
    more = 3 - v.ndim
    depth, height, width = (1,) * more + tuple(v.shape)
    # ITK multiplies by the halved inverse of the spacing before it subtracts.
    weights = [np.float64(0.5 * (1.0 / step)) for step in (1.0,) * more + tuple(grid.spacing)]
    out = device.empty(v.shape, np.float32)
    volume = (np.int32(depth), np.int32(height), np.int32(width))
    walks = -(-width // LANES) * -(-height // STEPS) * depth
    device.launch(
        "gradient", f"gradient_magnitude_{_suffix(v)}", blocks_of(walks, WARPS), (LANES, WARPS), v,
        out, *volume, np.int32(v.ndim), *weights,
    )  # fmt: skip
    return out


def _suffix(v: Array) -> str:
    """The suffix of the kernel for an element, such as ``i16``; truth values are bytes."""
    element = np.dtype(v.dtype)
    kind = "u" if element.kind == "b" else element.kind
    return f"{kind}{8 * element.itemsize}"
