"""How does an image become one of SimpleITK's, and back?"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.image import ROUNDING, Grid, Image
from voxgpu.itk.process import simpleitk

#: NumPy's name of what SimpleITK calls the type of a voxel, or of one of its components.
ELEMENTS = {
    "8-bit signed integer": "int8",
    "8-bit unsigned integer": "uint8",
    "16-bit signed integer": "int16",
    "16-bit unsigned integer": "uint16",
    "32-bit signed integer": "int32",
    "32-bit unsigned integer": "uint32",
    "64-bit signed integer": "int64",
    "64-bit unsigned integer": "uint64",
    "32-bit float": "float32",
    "64-bit float": "float64",
}


def element_of(itk: Any) -> str:
    """NumPy's name of the type of the voxels; empty for what NumPy has no images of.

    Looking at the voxels of a label map as an array would end the process.
    """
    voxel: str = itk.GetPixelIDTypeAsString()
    return ELEMENTS.get(voxel.removeprefix("vector of "), "")


def to_itk(image: Image) -> Any:
    """SimpleITK's image with the same voxels on the same grid; true/false become uint8 0 and 1."""
    array = image.array.view(np.uint8) if image.array.dtype == bool else image.array
    itk = simpleitk().GetImageFromArray(array, isVector=image.channels > 1)
    place(itk, image.grid)
    return itk


def place(itk: Any, grid: Grid) -> None:
    """Puts one of SimpleITK's images on a grid of the same shape."""
    itk.SetSpacing(tuple(reversed(grid.spacing)))
    itk.SetOrigin(grid.origin)
    itk.SetDirection(grid.direction)


def from_itk(itk: Any, *known: Grid) -> Image:
    """The image with the same voxels, on the first of the grids in ``known`` that is its own."""
    array = simpleitk().GetArrayFromImage(itk)
    grid = grid_of(itk)
    for each in known:
        if each.agrees_with(grid, ROUNDING):
            return Image(array, each)
    return Image(array, grid)


class _Kept:
    """The voxels of an image, which they keep."""

    def __init__(self, itk: Any) -> None:
        self._itk = itk
        view = simpleitk().GetArrayViewFromImage(itk)
        self.__array_interface__ = view.__array_interface__


def voxels_of(itk: Any) -> npt.NDArray[Any]:
    """The voxels of one of SimpleITK's images, not copied, as an array that cannot be written."""
    return np.asarray(_Kept(itk))


def grid_of(itk: Any) -> Grid:
    """The grid that one of SimpleITK's images lies on."""
    return Grid(
        tuple(reversed(itk.GetSize())),
        tuple(reversed(itk.GetSpacing())),
        tuple(itk.GetOrigin()),
        tuple(itk.GetDirection()),
    )
