"""Conversion of arrays of any library to voxels, and the grids they lie on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.image import Grid, Image
from voxgpu.python.affine import grid_of_affine
from voxgpu.types import ELEMENT_BYTES

Voxels = npt.NDArray[Any]


def voxels_of(array: object, channels: bool = False) -> Voxels:
    """A private copy of an array, in the layout of images.

    Raises TypeError if it is not an array of numbers, ValueError for a shape that no image has.
    """
    host = _host_array(array)
    if host.dtype == np.float16:
        host = host.astype(np.float32)
    native = host.dtype.newbyteorder("=")
    if native.name not in ELEMENT_BYTES:
        hint = "; take its magnitude first" if native.kind == "c" else ""
        raise TypeError(f"images have no voxels of {native}{hint}")
    rank = host.ndim - channels
    if rank not in (2, 3) or 0 in host.shape:
        hint = ""
        if host.ndim == 4:
            hint = "; colors need Image.from_array(array, channels=True), time points one by one"
        raise ValueError(f"an array of the shape {host.shape} makes no image{hint}")
    if channels and host.shape[-1] not in (3, 4):
        raise ValueError(f"colors have 3 or 4 channels, not {host.shape[-1]}")
    copied = np.array(host, native, order="C", copy=True, subok=False)
    copied.flags.writeable = False
    return copied


def check_voxels(array: object, grid: Grid) -> None:
    """Raise TypeError or ValueError if an array does not fit an image on a grid."""
    if not isinstance(grid, Grid):
        raise TypeError(f"a grid is needed, not {type(grid).__name__}: from_array makes one")
    if not isinstance(array, np.ndarray):
        raise TypeError(f"an array of NumPy is needed, not {type(array).__name__}: from_array")
    if array.dtype.name not in ELEMENT_BYTES or not array.dtype.isnative:
        raise TypeError(f"images have no voxels of {array.dtype}; Image.from_array converts some")
    if array.shape[: grid.dimensions] != grid.shape or (
        array.ndim > grid.dimensions and array.shape[grid.dimensions :] not in ((3,), (4,))
    ):
        raise ValueError(f"an array of the shape {array.shape} does not fit a grid of {grid.shape}")


def grid_for(
    shape: tuple[int, ...],
    spacing: Sequence[float] | None,
    affine: object,
    like: Image | None,
) -> Grid:
    """The grid of an array of this shape; see ``Image.from_array``."""
    if sum(each is not None for each in (spacing, affine, like)) > 1:
        raise ValueError("give one of spacing, affine and like")
    if like is not None:
        if not isinstance(like, Image):
            raise TypeError(f"like is an image, not {type(like).__name__}")
        if like.grid.shape != tuple(shape):
            raise ValueError(f"the array has the shape {shape}, the image {like.grid.shape}")
        return like.grid
    if affine is not None:
        return grid_of_affine(tuple(shape), affine)
    if spacing is None:
        return Grid.regular(tuple(shape))
    if isinstance(spacing, str) or not isinstance(spacing, Iterable):
        raise TypeError(f"a spacing is {len(shape)} lengths in mm, (z, y, x), not {spacing!r}")
    lengths = tuple(float(each) for each in spacing)
    if len(lengths) != len(shape) or not all(0 < each < np.inf for each in lengths):
        raise ValueError(f"a spacing is {len(shape)} lengths in mm, (z, y, x), not {spacing}")
    return Grid.regular(tuple(shape), lengths)


def _host_array(array: object) -> Voxels:
    """The array in host memory; not yet a copy."""
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError("a masked array would lose its mask: give array.filled(value)")
    if isinstance(array, str | bytes) or hasattr(array, "__fspath__"):
        raise TypeError(f"{array!r} is no image: files are loaded by the path in the program")
    if hasattr(array, "__cuda_array_interface__"):
        return _from_device(array)
    host = np.asarray(array)
    if host.dtype.kind not in "biufc":
        raise TypeError(f"{type(array).__name__} is no array of numbers")
    return host


def _from_device(array: Any) -> Voxels:
    """Copy an array from a GPU."""
    if not hasattr(array, "get"):
        from voxgpu.backends.cuda.detect import cupy

        array = cupy().asarray(array)
    host: Voxels = array.get()
    return host
