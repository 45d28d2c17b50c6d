"""Lazy values of images: in files, and in memory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from voxgpu.image import Image as PlainImage
from voxgpu.python.arrays import grid_for, voxels_of
from voxgpu.python.image import Image
from voxgpu.python.lazy.convert import image_term
from voxgpu.python.lazy.places import here
from voxgpu.python.lazy.terms import Input
from voxgpu.python.lazy.value import LazyValue
from voxgpu.python.nibabel import from_nibabel as _from_nibabel
from voxgpu.python.sitk import from_sitk as _from_sitk


def load(path: str | os.PathLike[str]) -> LazyValue:
    """The image in a file, or in a folder with one DICOM series, as ``load`` in ImgQL.

    A file of several volumes (4-D) is the sequence of its images. The file is read when a value is
    computed; it is an ImgqlError then if there is none. Relative paths are those of the folder in
    which Python runs at that time, ``~`` is the home folder.
    """
    text = os.fspath(path)
    if not isinstance(text, str):
        raise TypeError(f"a path is a string or a Path, not {path!r}")
    stem = Path(text).name.partition(".")[0]
    return LazyValue(Input(stem or "image", text, None, here()))


def from_array(
    array: object,
    *,
    spacing: Sequence[float] | None = None,
    origin: Sequence[float] | None = None,
    direction: object = None,
    affine: object = None,
    like: object = None,
    channels: bool = False,
) -> LazyValue:
    """The image of an array of NumPy, CuPy, or any other that NumPy converts; it is copied.

    array      numbers or booleans (a region) along (z, y, x) or (y, x); half floats become float32
    spacing    mm between voxel centers, in the order of the array; default 1
    origin     mm, the center of the first voxel as (x, y, z) in LPS, as in ITK; default 0
    direction  matrix of direction cosines as in ITK, 3×3 (2×2) or its rows in one list; default:
               the axes of the array
    affine     the 4×4 matrix from voxel (x, y, z) to mm (RAS), instead of these three
    like       an image of the same shape, lazy or not, whose grid is used instead
    channels   whether the last axis has 3 or 4 channels of colors

    The value is identified by its content: equal arrays on equal grids are one value, in stores,
    too. Changes of the array after the call have no effect. Raises TypeError for element types that
    images do not have, ValueError for invalid shapes and grids.
    """
    voxels = voxels_of(array, channels)
    shape = voxels.shape[:-1] if channels else voxels.shape
    if isinstance(like, LazyValue):
        # Only the grid is wanted: its voxels are not read.
        like = PlainImage(np.broadcast_to(np.False_, like.grid.shape), like.grid)
    grid = grid_for(shape, spacing, affine, like, origin, direction)  # type: ignore[arg-type]
    return LazyValue(image_term(Image(voxels, grid), here()))


def from_sitk(image: object) -> LazyValue:
    """The image of SimpleITK, which is copied. Raises TypeError and ValueError for others."""
    return LazyValue(image_term(_from_sitk(image), here()))


def from_nibabel(image: object) -> LazyValue:
    """The image of nibabel, which is copied, placed as its file would be.

    Raises TypeError and ValueError for what cannot become an image, such as several volumes.
    """
    return LazyValue(image_term(_from_nibabel(image), here()))
