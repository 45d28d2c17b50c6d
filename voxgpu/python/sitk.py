"""How does one of SimpleITK's images become one of ours?"""

from __future__ import annotations

from typing import Any

from voxgpu.image import Image
from voxgpu.itk.images import element_of, from_itk


def is_sitk(value: object) -> bool:
    """Whether something is one of SimpleITK's images, without importing it."""
    return hasattr(value, "GetPixelIDTypeAsString") and hasattr(value, "GetDirection")


def from_sitk(image: Any) -> Image:
    """The image with the same voxels, copied. Raises TypeError, ValueError for what is none."""
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
    found = from_itk(image)
    found.array.flags.writeable = False
    return found
