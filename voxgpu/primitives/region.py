"""Cropping: boxes of voxels, and slices."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.image import Grid
from voxgpu.primitives.define import (
    BoolImage,
    ColorImage,
    NumberImage,
    StaticNumber,
    StaticNumbers,
    kept_element,
    whole_image,
)
from voxgpu.primitives.primitive import UndefinedValueError

Array = npt.NDArray[Any]


def extracted_grid(grid: Grid, size: tuple[float, ...], index: tuple[float, ...]) -> Grid:
    """The grid of the box of ``size`` voxels that begins at voxel ``index``, both (x, y, z).

    An axis of one voxel remains an axis. Raises UndefinedValueError if size or index are not
    integers or the box does not lie within the grid.
    """
    start, shape = _box(grid, size, index)
    return grid.extract(start, shape)


def slice_grid(grid: Grid, axis: float, index: float) -> Grid:
    """The grid of the slice ``index`` across ``axis`` (0 = x, 1 = y, 2 = z): one voxel thick.

    Raises UndefinedValueError for 2-D grids, and if there is no such slice.
    """
    place, number = _slice(grid, axis, index)
    start = tuple(number if each == place else 0 for each in range(3))
    shape = tuple(1 if each == place else size for each, size in enumerate(grid.shape))
    return grid.extract(start, shape)


@whole_image(scratch=0, grid_of=extracted_grid, version=3, element_from=kept_element, id="extract")
def extract(img: NumberImage, size: StaticNumbers, index: StaticNumbers, grid: Grid) -> NumberImage:
    """The box of ``size`` voxels that begins at the voxel ``index``, both as [x, y, z] or [x, y].

    Voxels are counted from 0, as in SimpleITK. A box of one voxel along an axis is a slice that
    keeps its thickness. The position in space and the element are kept.

    Raises UndefinedValueError if the box does not lie within the image.

    >>> extract([[1, 2, 3], [4, 5, 6]], [2, 1], [1, 0])
    [2, 3]
    """
    return _extracted(img, size, index, grid)


@whole_image("extract", scratch=0, grid_of=extracted_grid, version=2, id="extract_truth")
def extract_truth(
    img: BoolImage, size: StaticNumbers, index: StaticNumbers, grid: Grid
) -> BoolImage:
    """The box of ``size`` voxels that begins at the voxel ``index``, both as [x, y, z] or [x, y].

    >>> extract([[true, false, true], [true, true, false]], [2, 1], [1, 0])
    [false, true]
    """
    return _extracted(img, size, index, grid)


@whole_image("extract", scratch=0, grid_of=extracted_grid, version=2, id="extract_colors")
def extract_colors(
    img: ColorImage, size: StaticNumbers, index: StaticNumbers, grid: Grid
) -> ColorImage:
    """The box of ``size`` voxels that begins at the voxel ``index``, both as [x, y, z] or [x, y].

    >>> extract([(1, 2, 3), (4, 5, 6)], [1, 1], [1, 0])
    [[4, 5, 6]]
    """
    return _extracted(img, size, index, grid)


@whole_image(scratch=0, grid_of=slice_grid, version=3, element_from=kept_element, id="slice_volume")
def slice_volume(
    img: NumberImage, axis: StaticNumber, index: StaticNumber, grid: Grid
) -> NumberImage:
    """The slice ``index``, from 0, across ``axis`` (0 = x, 1 = y, 2 = z) of a 3-D image.

    It stays 3-D, one voxel thick: it keeps its position, and its voxels their volume.

    Raises UndefinedValueError for a 2-D image, and if there is no such slice.

    >>> slice_volume([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], 2, 1)
    [[[5, 6], [7, 8]]]
    >>> slice_volume([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], 0, 1)
    [[[2], [4]], [[6], [8]]]
    """
    return _sliced(img, axis, index, grid)


@whole_image("slice_volume", scratch=0, grid_of=slice_grid, version=2, id="slice_volume_truth")
def slice_volume_truth(
    img: BoolImage, axis: StaticNumber, index: StaticNumber, grid: Grid
) -> BoolImage:
    """The slice ``index``, from 0, across ``axis`` (0 = x, 1 = y, 2 = z) of a 3-D image.

    >>> slice_volume([[[true, false]], [[false, false]]], 1, 0)
    [[[true, false]], [[false, false]]]
    """
    return _sliced(img, axis, index, grid)


def _extracted(
    array: Array, size: tuple[float, ...], index: tuple[float, ...], grid: Grid
) -> Array:
    box = tuple(
        slice(int(first), int(first) + int(count))
        for first, count in zip(reversed(index), reversed(size), strict=True)
    )
    part = array[box]
    return part.reshape(grid.shape + part.shape[len(box) :])


def _sliced(array: Array, axis: float, index: float, grid: Grid) -> Array:
    part: Array = np.take(array, int(index), axis=2 - int(axis))
    return part.reshape(grid.shape)


def _box(
    grid: Grid, size: tuple[float, ...], index: tuple[float, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """First voxel and shape, (z, y, x)."""
    image = "×".join(str(each) for each in reversed(grid.shape))
    for name, numbers in (("size", size), ("index", index)):
        if len(numbers) != grid.dimensions:
            raise UndefinedValueError(
                f"`{name}` needs {grid.dimensions} numbers for an image of {image} voxels, "
                f"not {len(numbers)}"
            )
    for count, first, available in zip(size, index, reversed(grid.shape), strict=True):
        whole = float(count).is_integer() and float(first).is_integer()
        if not (whole and count >= 1 and 0 <= first <= available - count):
            raise UndefinedValueError(
                f"a box of size {_listed(size)} from index {_listed(index)} does not lie within "
                f"an image of {image} voxels"
            )
    start = tuple(int(first) for first in reversed(index))
    return start, tuple(int(count) for count in reversed(size))


def _slice(grid: Grid, axis: float, index: float) -> tuple[int, int]:
    """The axis, in (z, y, x) order, and the index of the slice."""
    image = "×".join(str(each) for each in reversed(grid.shape))
    if grid.dimensions != 3:
        raise UndefinedValueError(f"only a 3-D image has slices; this one has {image} voxels")
    if axis not in (0, 1, 2):
        raise UndefinedValueError(f"`axis` must be 0 for x, 1 for y or 2 for z, not {axis:g}")
    place = 2 - int(axis)
    if not (float(index).is_integer() and 0 <= index < grid.shape[place]):
        raise UndefinedValueError(
            f"there is no slice {index:g} across {'xyz'[int(axis)]} in an image of {image} voxels"
        )
    return place, int(index)


def _listed(numbers: tuple[float, ...]) -> str:
    return "[" + ", ".join(f"{number:g}" for number in numbers) + "]"
