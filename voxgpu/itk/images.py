"""Conversion of images to SimpleITK's and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.image import ROUNDING, Grid, Image
from voxgpu.itk.process import simpleitk

#: NumPy's names of SimpleITK's voxel types, or of the types of their components.
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
    """NumPy's name of the voxel type; empty if NumPy images have no such type.

    Viewing the voxels of a label map as an array would crash the process.
    """
    voxel: str = itk.GetPixelIDTypeAsString()
    return ELEMENTS.get(voxel.removeprefix("vector of "), "")


def to_itk(image: Image) -> Any:
    """Convert to a SimpleITK image on the same grid; booleans become uint8 0 and 1."""
    array = image.array.view(np.uint8) if image.array.dtype == bool else image.array
    itk = simpleitk().GetImageFromArray(array, isVector=image.channels > 1)
    place(itk, image.grid)
    return itk


def place(itk: Any, grid: Grid) -> None:
    """Set the geometry of a SimpleITK image to a grid of the same shape."""
    itk.SetSpacing(tuple(reversed(grid.spacing)))
    itk.SetOrigin(grid.origin)
    itk.SetDirection(grid.direction)


def from_itk(itk: Any, *known: Grid) -> Image:
    """Convert to an image, on the first grid in ``known`` that equals its own."""
    array = simpleitk().GetArrayFromImage(itk)
    grid = grid_of(itk)
    for each in known:
        if each.agrees_with(grid, ROUNDING):
            return Image(array, each)
    return Image(array, grid)


class _KeepAlive:
    """Keeps the SimpleITK image alive as long as its voxels are used."""

    def __init__(self, itk: Any) -> None:
        self._itk = itk
        view = simpleitk().GetArrayViewFromImage(itk)
        self.__array_interface__ = view.__array_interface__


def voxels_of(itk: Any) -> npt.NDArray[Any]:
    """View the voxels of a SimpleITK image as a read-only array, without copying."""
    return np.asarray(_KeepAlive(itk))


def grid_of(itk: Any) -> Grid:
    """The grid of a SimpleITK image."""
    return Grid(
        tuple(reversed(itk.GetSize())),
        tuple(reversed(itk.GetSpacing())),
        tuple(itk.GetOrigin()),
        tuple(itk.GetDirection()),
    )
