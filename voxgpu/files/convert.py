"""Conversion of an image's voxels to the element types that its file format can hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.files.errors import FileError
from voxgpu.files.formats import Format
from voxgpu.float32 import as_float32
from voxgpu.image import Grid, Image

Voxels = npt.NDArray[Any]


def convert_voxels(
    path: Path, image: Image, form: Format, labels: bool
) -> tuple[Voxels, tuple[str, ...]]:
    """Convert voxels for a file of this format; return them with warnings about lost values.

    Booleans become 1 and 0 of uint8, in 2-D pictures 255 and 0. float64 becomes float32; int32
    becomes uint16 if the image holds ``labels`` and every voxel fits; other types stay. In PNG,
    JPEG and BMP, numbers are rounded half to even into 0 to 255. Values outside that range are
    clipped, NaN becomes 0, and both are counted in a warning. The exception is uint16 in PNG, which
    stays if a voxel needs more than 8 bits: only an explicit filter produces uint16. Raises
    FileError for integers that TIFF cannot hold.
    """
    voxels = np.ascontiguousarray(image.array)
    if voxels.dtype == np.bool_:
        flat = not form.has_geometry and image.grid.dimensions == 2
        return voxels.view(np.uint8) * np.uint8(255 if flat else 1), ()
    if form.is_picture:
        holds_wide = voxels.dtype == np.uint16 and "uint16" in form.elements
        if holds_wide and not _fits(voxels, np.uint8):
            return voxels, ()
        return _as_bytes(path, voxels, image.channels)
    if voxels.dtype == np.float64:
        voxels = as_float32(voxels)
    elif labels and voxels.dtype == np.int32 and _fits(voxels, np.uint16):
        voxels = voxels.astype(np.uint16)
    if voxels.dtype.name not in form.elements:
        voxels = _narrowed(path, voxels, form)
    return voxels, ()


def lost_geometry_warnings(path: Path, grid: Grid, form: Format) -> tuple[str, ...]:
    """Warnings about a volume in a format that stores only the spacing within slices."""
    if form.has_geometry or grid.dimensions != 3:
        return ()
    regular = Grid.regular(grid.shape)
    lost = []
    if grid.spacing[0] != 1:
        lost.append(f"the {grid.spacing[0]:g} mm between slices")
    if grid.origin != regular.origin:
        lost.append("the origin")
    if grid.direction != regular.direction:
        lost.append("the orientation")
    if not lost:
        return ()
    what = " and ".join(filter(None, (", ".join(lost[:-1]), lost[-1])))
    return (f"`{path}` has no place for {what}, which are lost; save .nii.gz or .nrrd",)


def _fits(voxels: Voxels, element: type[np.integer[Any]]) -> bool:
    limits = np.iinfo(element)
    return bool(voxels.min() >= limits.min and voxels.max() <= limits.max)


def _narrowed(path: Path, voxels: Voxels, form: Format) -> Voxels:
    for element in (np.uint16, np.int32, np.uint32):
        if _fits(voxels, element):
            return voxels.astype(element)
    raise FileError(
        str(path),
        f"{form.name} holds integers of up to 32 bits, the voxels are from {voxels.min()} to "
        f"{voxels.max()}; save .nii.gz",
        "",
        "write",
    )


def _as_bytes(path: Path, voxels: Voxels, channels: int) -> tuple[Voxels, tuple[str, ...]]:
    if voxels.dtype == np.uint8:
        return voxels, ()
    outside = ~((voxels >= 0) & (voxels <= 255))  # written this way so that NaN counts too
    clipped = np.clip(np.nan_to_num(voxels, nan=0.0), 0, 255)
    rounded = np.rint(clipped).astype(np.uint8)
    count = int(np.count_nonzero(outside.any(axis=-1) if channels > 1 else outside))
    if not count:
        return rounded, ()
    total = voxels.size // channels
    return rounded, (
        f"`{path}` holds 0 to 255: {count:,} of {total:,} voxels lay outside and were clipped",
    )
