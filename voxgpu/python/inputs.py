"""In-memory images that a program loads instead of files."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from voxgpu import image as plain
from voxgpu.python.arrays import grid_for, voxels_of
from voxgpu.python.nibabel import from_nibabel, is_nibabel
from voxgpu.python.sitk import from_sitk, is_sitk


def copy_images(images: Mapping[str, object] | None) -> dict[str, plain.Image]:
    """Copy images by name. Raises TypeError or ValueError, with the name, for other objects."""
    if not isinstance({} if images is None else images, Mapping):
        kind = type(images).__name__
        raise TypeError(f'images has images by name, such as {{"flair": array}}; not {kind}')
    copies = {}
    for name, value in ({} if images is None else images).items():
        if not isinstance(name, str):
            raise TypeError(f"images has the names that programs load, not {name!r}")
        try:
            copies[name] = copied_image(value)
        except (TypeError, ValueError) as error:
            raise type(error)(f"images[{name!r}]: {error}") from None
    return copies


def copied_image(value: object) -> plain.Image:
    """Copy an image or array. Raises TypeError or ValueError for other objects.

    A lazy image is computed; so its voxels keep their grid, as they would not as an array.
    """
    if hasattr(type(value), "image") and hasattr(type(value), "grid"):
        value = value.image()  # type: ignore[attr-defined]
    if isinstance(value, plain.Image):
        array = np.array(value.array, order="C", copy=True)
        array.flags.writeable = False
        return plain.Image(array, value.grid)
    if is_nibabel(value):
        return from_nibabel(value)
    if is_sitk(value):
        return from_sitk(value)
    voxels = voxels_of(value)
    return plain.Image(voxels, grid_for(voxels.shape, None, None, None))
