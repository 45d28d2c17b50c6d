"""Conversion of nibabel's images to images, and back."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

import numpy as np

from voxgpu.files.errors import FileError
from voxgpu.files.geometry import grid_of
from voxgpu.files.nifti import DATATYPES, LARGEST_AXIS, NiftiHeader, nifti_header, parse
from voxgpu.files.nifti_information import nifti_information
from voxgpu.files.options import AS_USUAL
from voxgpu.image import Grid, Image
from voxgpu.python.affine import grid_of_affine
from voxgpu.python.arrays import voxels_of
from voxgpu.python.caller import outside

#: Rounding error of float32 between the affine of an image and that of its header.
_SINGLE = 1e-5

_STRAIGHTEN = "resample it to straight axes first, with nibabel.processing.resample_to_output"


def is_nibabel(value: object) -> bool:
    """Whether an object is one of nibabel's images, without importing nibabel."""
    return hasattr(value, "dataobj") and hasattr(value, "affine") and hasattr(value, "header")


def from_nibabel(image: Any) -> Image:
    """The image with the same voxels, copied, with the geometry of its header.

    Integers with scaling become float32, as when the file is loaded. Raises TypeError and
    ValueError for objects that cannot become an image.
    """
    if not is_nibabel(image):
        raise TypeError(f"{type(image).__name__} is no image of nibabel")
    shape = tuple(image.shape)
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) not in (2, 3):
        size = "×".join(map(str, shape))
        hint = "give one volume, such as image.slicer[..., 0], or load the file of all of them"
        hint = f": {hint}" if len(shape) > 3 else ""
        raise ValueError(f"images have 2 or 3 dimensions, this one has {size}{hint}")
    return Image(_voxels(image, shape), _grid(image, tuple(reversed(shape))))


def _voxels(image: Any, shape: tuple[int, ...]) -> Any:
    """The voxels along (z, y, x), with a last axis of channels for colors."""
    data = np.asanyarray(image.dataobj).reshape(shape)
    if data.dtype.names:
        data = np.stack([data[name] for name in data.dtype.names], axis=-1)
        order = (*range(len(shape) - 1, -1, -1), len(shape))
        return voxels_of(data.transpose(order), channels=True)
    stored, proxy = np.dtype(image.get_data_dtype()), image.dataobj
    scaled = (getattr(proxy, "slope", 1.0), getattr(proxy, "inter", 0.0)) != (1.0, 0.0)
    if scaled and stored.kind in "iu":
        data = data.astype(np.float32)
    return voxels_of(data.T)


def _grid(image: Any, shape: tuple[int, ...]) -> Grid:
    """The grid of the header, as for a file, if it agrees with the affine; else the affine's."""
    header = _nifti_header(image)
    if header is None or not _says(image, image.affine):
        return grid_of_affine(shape, image.affine)
    try:
        header_affine = nifti_information("the image", header, AS_USUAL)
        grid = grid_of("the image", header_affine.information, header_affine.fields, _STRAIGHTEN)
    except FileError as problem:
        raise ValueError(problem.reason + (f"; {problem.help}" if problem.help else "")) from None
    if grid.shape != shape:
        return grid_of_affine(shape, image.affine)
    for warning in header_affine.warnings:
        warnings.warn(warning, stacklevel=outside())
    return grid


def _nifti_header(image: Any) -> NiftiHeader | None:
    """The header, if it is a NIfTI header with a supported voxel type."""
    block = getattr(image.header, "binaryblock", None)
    header = parse(block) if isinstance(block, bytes) else None
    known = header is not None and header.version and header.datatype in DATATYPES
    return header if known else None


def _says(image: Any, affine: Any) -> bool:
    """Whether the header places the image as its affine does, if it has one."""
    if affine is None:
        return True
    best = getattr(image.header, "get_best_affine", None)
    if best is None:
        return False
    header_affine = np.asarray(best(), np.float64)
    scale = max(1.0, float(np.abs(affine).max()))
    return bool(np.allclose(header_affine, affine, rtol=0, atol=_SINGLE * scale))


def to_nibabel(image: Image) -> Any:
    """Convert to the nibabel image of a NIfTI file with this one. Needs nibabel."""
    try:
        nibabel: Any = import_module("nibabel")
    except ImportError:
        raise ImportError("to_nibabel needs nibabel: pip install nibabel") from None
    if max(image.grid.shape) > LARGEST_AXIS:
        raise ValueError(f"NIfTI holds at most {LARGEST_AXIS} voxels along an axis")
    array = image.array.view(np.uint8) if image.array.dtype == bool else image.array
    block = nifti_header(image.grid, array.dtype.name, image.channels)[:348]
    header = nibabel.Nifti1Header(block, endianness="<")
    count = image.grid.dimensions
    if image.channels > 1:
        array = np.ascontiguousarray(array)
        if array.dtype == np.uint8:
            names = "RGBA"[: image.channels]
            array = array.view([(name, "u1") for name in names])[..., 0].T
        else:
            array = np.moveaxis(array, -1, 0).T
            array = array.reshape(*array.shape[:count], *(1,) * (4 - count), image.channels)
    else:
        array = array.T
    return nibabel.Nifti1Image(array, header.get_best_affine(), header)
