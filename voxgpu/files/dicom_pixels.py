"""Decoding and rescaling of the voxels in a DICOM file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.files.dicom_dataset import dataset, reporting
from voxgpu.files.dicom_frames import Frame
from voxgpu.files.errors import FileError
from voxgpu.itk.images import voxels_of
from voxgpu.itk.process import quiet, simpleitk

Plane = npt.NDArray[Any]

_DECODERS = "pip install 'voxgpu[dicom]' and run again, or convert it: dcm2niix -z y FOLDER"


def decode_frames(path: str, requested: list[tuple[int, Frame]]) -> Iterator[tuple[int, Plane]]:
    """Decode the requested frames of a file; yield each with its index along z.

    Values are scaled in float64; integers stay integers if slope and intercept are integers. Raises
    FileError if voxels are damaged or there is no decoder for them.
    """
    ds, _ = dataset(path)
    syntax = ds.file_meta.TransferSyntaxUID
    if syntax.is_compressed and not _has_decoder(syntax):
        yield from _by_gdcm(path, str(syntax.name), requested)
        return
    with reporting(path):
        from pydicom.pixels.processing import apply_color_lut
        from pydicom.pixels.utils import pixel_array

        count = int(ds.get("NumberOfFrames") or 1)
        for z, frame in requested:
            plane = pixel_array(ds, index=frame.index if count > 1 else 0)
            if ds.get("PhotometricInterpretation") == "PALETTE COLOR":
                plane = apply_color_lut(plane, ds)
                yield z, plane[..., :3]
            else:
                yield z, _scaled(_masked(plane, frame), frame, ds)


def _has_decoder(syntax: Any) -> bool:
    from pydicom.pixels.decoders.base import get_decoder

    try:
        return bool(get_decoder(syntax).is_available)
    except NotImplementedError:
        return False


def _masked(plane: Plane, frame: Frame) -> Plane:
    """Clear the bits that do not belong to the stored value, such as overlays."""
    if plane.dtype.kind not in "iu" or frame.table:
        return plane
    low, high = frame.range
    bits = (high - low).bit_length()
    if bits >= plane.dtype.itemsize * 8:
        return plane
    unsigned: Plane = plane.view(f"u{plane.dtype.itemsize}") & np.array(
        (1 << bits) - 1, f"u{plane.dtype.itemsize}"
    )
    if low == 0:
        return unsigned.view(plane.dtype)
    shift = plane.dtype.itemsize * 8 - bits
    signed: Plane = (unsigned << shift).view(f"i{plane.dtype.itemsize}") >> shift
    return signed


def _scaled(plane: Plane, frame: Frame, ds: Any) -> Plane:
    if frame.table:
        from pydicom.pixels.processing import apply_modality_lut

        return apply_modality_lut(plane, ds)
    if (frame.slope, frame.intercept) == (1, 0):
        return plane
    if plane.dtype.kind in "iu" and frame.slope.is_integer() and frame.intercept.is_integer():
        return plane.astype(np.int64) * int(frame.slope) + int(frame.intercept)
    scaled: Plane = plane * np.float64(frame.slope) + frame.intercept
    return scaled


def _by_gdcm(
    path: str, name: str, requested: list[tuple[int, Frame]]
) -> Iterator[tuple[int, Plane]]:
    """Decode and scale frames with GDCM."""
    first = requested[0][1]
    if (
        any((f.slope, f.intercept) != (first.slope, first.intercept) for _, f in requested)
        or first.table
    ):
        raise FileError(
            path,
            f"its voxels are compressed ({name}) and each frame has a scale of its own, for which "
            "a decoder is missing",
            _DECODERS,
        )
    try:
        with quiet():
            voxels = voxels_of(simpleitk().ReadImage(path, imageIO="GDCMImageIO"))
    except RuntimeError:
        raise FileError(
            path,
            f"its compressed voxels ({name}) are damaged, or of no kind that is read",
            _DECODERS,
        ) from None
    columns, rows = first.size
    with reporting(path):
        planes = voxels.reshape(-1, rows, columns, *(first.channels,) * (first.channels > 1))
    for z, frame in requested:
        if frame.index >= len(planes):
            raise FileError(path, f"its compressed voxels ({name}) are damaged: frames are missing")
        yield z, planes[frame.index]
