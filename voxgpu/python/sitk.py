"""Conversion of SimpleITK's images to images."""

from __future__ import annotations

from typing import Any

from voxgpu.files.errors import FileError
from voxgpu.files.geometry import grid_of
from voxgpu.files.itk import Information
from voxgpu.image import Image
from voxgpu.itk.images import element_of, from_itk

_STRAIGHTEN = "resample it to straight axes first, with SimpleITK.Resample"


def is_sitk(value: object) -> bool:
    """Whether an object is one of SimpleITK's images, without importing SimpleITK."""
    return hasattr(value, "GetPixelIDTypeAsString") and hasattr(value, "GetDirection")


def from_sitk(image: Any) -> Image:
    """The image with the same voxels, copied, with the geometry that its file would have.

    Raises TypeError for other objects, ValueError for images that no file could give: without
    voxels, with sheared axes and the like.
    """
    if not is_sitk(image):
        raise TypeError(f"{type(image).__name__} is no image of SimpleITK")
    if image.GetDimension() > 3:
        size = "×".join(map(str, image.GetSize()))
        raise ValueError(f"images have 2 or 3 dimensions, this one has {size}: give one volume")
    if not element_of(image):
        raise TypeError(f"images have no voxels of {image.GetPixelIDTypeAsString()}")
    channels = image.GetNumberOfComponentsPerPixel()
    if channels not in (1, 3, 4):
        raise ValueError(f"images have 1, 3 or 4 channels, this one {channels}")
    if 0 in image.GetSize():
        raise ValueError("it has no voxels")
    array = from_itk(image).array
    array.flags.writeable = False
    try:
        grid = grid_of("the image", _information(image), help=_STRAIGHTEN)
    except FileError as problem:
        raise ValueError(problem.reason + (f"; {problem.help}" if problem.help else "")) from None
    return Image(array, grid)


def _information(image: Any) -> Information:
    return Information(
        image.GetSize(),
        image.GetSpacing(),
        image.GetOrigin(),
        image.GetDirection(),
        image.GetPixelIDTypeAsString(),
        image.GetNumberOfComponentsPerPixel(),
    )
