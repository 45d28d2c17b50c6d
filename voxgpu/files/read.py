"""Reading of the voxels of image files."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.files.dicom_choice import READING
from voxgpu.files.errors import FileError
from voxgpu.files.header import Header, other_header
from voxgpu.files.integrity import check_unpacks
from voxgpu.files.isolated_reader import limits_of, read_isolated
from voxgpu.files.itk import report_errors
from voxgpu.files.itk_readers import reader_of
from voxgpu.files.mgh import mgh_voxels
from voxgpu.files.mgh_name import READING as MGH
from voxgpu.files.nifti_read import nifti_files, read_nifti_header, read_voxels
from voxgpu.files.nifti_volume import read_volume
from voxgpu.files.state import check_unchanged
from voxgpu.files.tiff_kind import READING as TIFFFILE
from voxgpu.files.tiff_read import tiff_voxels
from voxgpu.image import Image
from voxgpu.itk.images import voxels_of
from voxgpu.itk.process import quiet, simpleitk


def read_image(header: Header) -> Image:
    """Read the image that ``header`` describes; see `read_with_warning`."""
    return read_with_warning(header)[0]


def read_with_warning(header: Header) -> tuple[Image, str]:
    """Read the image that ``header`` describes; return it with a warning or ''.

    The array is C-contiguous, of the header's element type, with the shape of the header's grid and
    a last axis of channels for colors. NIfTI voxels are read by `nifti_read`; in a separate
    process, which damaged files may crash, DICOM by `dicom`, MGH by `mgh`, some TIFF by tifffile,
    and all others by SimpleITK. Raises FileError if files are truncated, damaged or gone, no longer
    match the header, or are not in the recorded states before and after reading: files were hashed
    in those states, too. An image that is in memory is returned directly.
    """
    if header.in_memory is not None:
        return Image(header.in_memory.image.array, header.grid), ""
    check_unchanged(header.states)
    try:
        voxels, odd = _voxels(header)
    except FileError:
        check_unchanged(header.states)  # a change would explain the error
        raise
    image = _image(header, voxels)
    check_unchanged(header.states)
    return image, f"`{header.path}`: {odd}" if odd else ""


def _voxels(header: Header) -> tuple[npt.NDArray[Any], str]:
    """Read the voxels; return them with a warning or ''."""
    is_nifti = header.reading != (READING,) and MGH not in header.reading
    result = _nifti_voxels(header) if is_nifti else None
    if result is not None:
        return result
    within = limits_of(header.files, header.bytes)
    return read_isolated(header.path, within, _voxels_of, header), ""


def _image(header: Header, voxels: npt.NDArray[Any]) -> Image:
    shape = header.grid.shape + (header.channels,) * (header.channels > 1)
    if voxels.dtype.name != header.element or voxels.size != np.prod(shape, dtype=object):
        raise _changed(header)
    squeezed = tuple(size for size in voxels.shape if size > 1)
    if squeezed != tuple(size for size in shape if size > 1):
        raise _changed(header)
    return Image(np.ascontiguousarray(voxels.reshape(shape)), header.grid)


def _changed(header: Header) -> FileError:
    return FileError(
        header.path,
        f"it has changed since its header was read: no longer {header.grid} of {header.element}",
    )


def _nifti_voxels(header: Header) -> tuple[npt.NDArray[Any], str] | None:
    files = nifti_files(header.path)
    nifti = read_nifti_header(files) if files else None
    if nifti is None:
        return None
    zeros = "zeros" in header.reading
    if header.volume is None:
        return read_voxels(files[-1], nifti, header.element, zeros)
    if len(nifti.dim) < 4 or header.volume >= nifti.dim[3]:
        raise _changed(header)
    return read_volume(files[-1], nifti, header.volume, header.element, zeros, header.states)


def _voxels_of(header: Header) -> npt.NDArray[Any]:
    """Read voxels with third-party code, which may crash on damaged files."""
    if MGH in header.reading:
        return mgh_voxels(header.path, header.volume)
    return _dicom_voxels(header) if header.reading == (READING,) else _itk_voxels(header)


def _dicom_voxels(header: Header) -> npt.NDArray[Any]:
    from voxgpu.files.dicom import image_of, read_dicom
    from voxgpu.files.dicom_frames import read_dicom_file

    image = image_of(header.path, tuple(filter(None, map(read_dicom_file, header.files))))
    if (image.grid.shape, image.element) != (header.grid.shape, header.element):
        raise _changed(header)
    return read_dicom(image)


def _itk_voxels(header: Header) -> npt.NDArray[Any]:
    current = other_header(header.path)  # also checks that the file is complete
    if current.grid.shape != header.grid.shape or current.element != header.element:
        raise _changed(header)
    if current.reading == (TIFFFILE,):
        return tiff_voxels(header.path)
    check_unpacks(header.path, header.bytes)
    with quiet(), report_errors(header.path):
        image = simpleitk().ReadImage(header.path, imageIO=reader_of(header.path))
    return voxels_of(image)
