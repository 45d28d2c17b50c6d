"""Images of FreeSurfer (MGH, and gzipped MGZ); headers are read by nibabel."""

from __future__ import annotations

import gzip
import math
import zlib
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.files.errors import FileError
from voxgpu.files.itk import Information
from voxgpu.files.nifti_read import check_size, open_unpacked
from voxgpu.files.paths import os_reason
from voxgpu.itk.images import ELEMENTS

_NAMES = {element: name for name, element in ELEMENTS.items()}

#: Bytes before the voxels.
_OFFSET = 284

_CHUNK_BYTES = 1 << 20

#: Extra bytes allowed after the voxels, besides their own size: FreeSurfer logs commands there.
_TAGS_BYTES = 1 << 24


def check_reader(path: str) -> None:
    """Raise FileError if nibabel is not installed."""
    if find_spec("nibabel") is None:
        help = "install nibabel, which reads it: pip install 'voxgpu[freesurfer]'"
        raise FileError(path, "files of FreeSurfer are read by nibabel", help)


def mgh_information(path: str) -> tuple[Information, int]:
    """Read the header of one volume; return it with the number of volumes.

    Raises FileError if nibabel is not installed or the file is damaged.
    """
    header, element = _header(path)
    size = tuple(int(each) for each in header["dims"])
    if min(size) < 1:
        raise FileError(path, f"its header is damaged: it says that its size is {size}")
    check_size(path, _OFFSET, math.prod(size) * np.dtype(element).itemsize)
    lengths = tuple(float(str(each)) for each in header["delta"])
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ header.get_affine()
    columns = np.asarray(header["Mdc"], np.float64).reshape(3, 3).T  # columns are stored
    direction = np.diag([-1.0, -1.0, 1.0]) @ columns
    return Information(
        size=size[:3],
        spacing=lengths,
        origin=tuple(map(float, affine[:3, 3])),
        direction=tuple(map(float, direction.ravel())),
        voxel=_NAMES[element],
        channels=1,
    ), size[3]


def mgh_voxels(path: str, volume: int | None) -> npt.NDArray[Any]:
    """Read the voxels of a volume, axes (z, y, x).

    The file is read to its end, where damage shows, but only up to a limit.
    """
    header, element = _header(path)
    size = tuple(int(each) for each in header["dims"])
    stored = np.dtype(element).newbyteorder(">")
    voxels = np.empty(size[2::-1], stored)
    target = voxels.reshape(-1).view(np.uint8)
    first = _OFFSET + (volume or 0) * voxels.nbytes
    promised = _OFFSET + size[3] * voxels.nbytes
    at = 0
    with open_unpacked(path) as file:
        while chunk := _next(path, file):
            begin, end = max(first, at), min(first + voxels.nbytes, at + len(chunk))
            if begin < end:
                part = np.frombuffer(chunk, np.uint8, end - begin, begin - at)
                target[begin - first : end - first] = part
            at += len(chunk)
            if at > 2 * promised + _TAGS_BYTES:
                raise FileError(path, f"it holds more than the {promised:,} bytes promised")
    if at < promised:
        reason = f"truncated: header promises {promised:,} bytes, file has {at:,}"
        raise FileError(path, reason)
    return voxels.astype(element)


def _next(path: str, file: Any) -> bytes:
    try:
        chunk: bytes = file.read(_CHUNK_BYTES)
    except EOFError:
        raise FileError(path, "truncated: its gzip data has no end") from None
    return chunk


def _header(path: str) -> tuple[Any, str]:
    """Nibabel's header, and NumPy's name of the voxel type."""
    check_reader(path)
    nibabel: Any = import_module("nibabel")
    try:
        image = nibabel.freesurfer.mghformat.MGHImage.from_filename(path)
        header = image.header
        element = np.dtype(header.get_data_dtype()).newbyteorder("=").name
    except OSError as error:
        if isinstance(error, gzip.BadGzipFile) or error.errno is None:
            raise FileError(path, f"it is damaged ({error})") from None
        raise FileError(path, os_reason(error)) from None
    except Exception as error:  # nibabel raises various errors for bytes that are not a header
        if isinstance(error, EOFError | zlib.error):
            raise FileError(path, "truncated: the file ends within its header") from None
        raise FileError(path, f"its header is damaged ({error})") from None
    if element not in _NAMES:
        raise FileError(path, f"its voxels are of a type without use here: {element}")
    return header, element
