"""Conversion of arrays of any library to voxels, and the grids they lie on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.files.geometry import LARGEST_SHEAR, determinant, shear
from voxgpu.image import SMALLEST_DETERMINANT, Grid, Image
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
    origin: Sequence[float] | None = None,
    direction: object = None,
) -> Grid:
    """The grid of an array of this shape; see ``Image.from_array``."""
    steps = spacing if spacing is not None else origin if origin is not None else direction
    if sum(each is not None for each in (steps, affine, like)) > 1:
        raise ValueError("give one of affine, like, and spacing with origin and direction")
    if like is not None:
        if not isinstance(like, Image):
            raise TypeError(f"like is an image, not {type(like).__name__}")
        if like.grid.shape != tuple(shape):
            raise ValueError(f"the array has the shape {shape}, the image {like.grid.shape}")
        return like.grid
    if affine is not None:
        return grid_of_affine(tuple(shape), affine)
    grid = Grid.regular(tuple(shape))
    count = len(shape)
    if spacing is not None:
        lengths = _numbers(spacing, f"a spacing is {count} lengths in mm, (z, y, x)", count)
        if min(lengths) <= 0:
            raise ValueError(f"a spacing is {count} lengths in mm, (z, y, x), not {spacing}")
        grid = replace(grid, spacing=lengths)
    if origin is not None:
        wanted = f"an origin is {count} coordinates in mm, (x, y, z)"
        grid = replace(grid, origin=_numbers(origin, wanted, count))
    if direction is not None:
        grid = replace(grid, direction=_direction(direction, count))
    return grid


def _numbers(values: object, wanted: str, count: int) -> tuple[float, ...]:
    """Finite numbers. Raises TypeError, or ValueError where there are not as many as wanted."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"{wanted}, not {values!r}")
    numbers = tuple(float(each) for each in values)
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise ValueError(f"{wanted}, not {values}")
    return numbers


def _direction(values: object, count: int) -> tuple[float, ...]:
    """The row-major matrix of direction cosines. Raises ValueError if they are none."""
    wanted = f"a direction is a matrix of {count}×{count} cosines, as in ITK"
    rows = np.asarray(values, np.float64)
    numbers = _numbers(rows.ravel().tolist(), wanted, count * count)
    columns = [list(numbers[axis::count]) for axis in range(count)]
    lengths = [float(np.linalg.norm(each)) for each in columns]
    if not np.allclose(lengths, 1, atol=1e-4):
        raise ValueError(f"{wanted}: its columns have the length 1, not {lengths}")
    if abs(determinant(columns)) <= SMALLEST_DETERMINANT:
        raise ValueError("the axes of the direction do not span space")
    if (sine := shear(columns)) > LARGEST_SHEAR:
        angle = np.degrees(np.arcsin(min(sine, 1.0)))
        raise ValueError(f"the axes of the direction are sheared: {angle:.3g}° off a right angle")
    return tuple(each + 0.0 for each in numbers)


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
