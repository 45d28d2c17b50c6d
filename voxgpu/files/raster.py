"""Detection of damaged PNG, JPEG, BMP and TIFF files.

ITK reads truncated JPEG, BMP and TIFF files without complaint and fills the missing part with gray,
uninitialized memory, or fewer slices. Some damaged BMP and TIFF files crash it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

from voxgpu.files.errors import FileError
from voxgpu.files.file_bytes import FileBytes
from voxgpu.files.nifti_read import LARGEST_RATIO
from voxgpu.files.paths import beginning, os_reason
from voxgpu.files.tiff import TRUNCATED, tiff_defect

#: A progressive JPEG may have one bit for 64 samples, and chroma at a quarter of the pixels.
_JPEG_RATIO = 2048

#: Fax codes need one bit for a line of thousands of pixels that equals the one above.
_TIFF_RATIO = 1 << 20


def is_raster(start: bytes) -> bool:
    """Whether a file with these first bytes has one of these formats."""
    return _question(start) is not None


def raster_defect(path: str) -> str:
    """Why the file should not be read, or empty. Raises FileError if it is gone."""
    question = _question(beginning(path, 8))
    try:
        with Path(path).open("rb") as file:
            data = FileBytes(file)
            if not len(data):
                raise FileError(path, "the file is empty")
            return question(data) if question else ""
    except OSError as error:
        raise FileError(path, os_reason(error)) from None
    except struct.error:  # another process truncated it after its size was read
        return TRUNCATED


def largest_ratio(path: str) -> float:
    """The most bytes of voxels that one byte of the file can hold, given its compression."""
    start = beginning(path, 26)
    if start.startswith(b"\x89PNG") and len(start) == 26:
        bits, color = start[24:26]
        samples = {2: 3, 4: 2, 6: 4}.get(color, 1)
        # A palette expands few bits to three or four colors, and gray of few bits to a byte.
        stored = max(bits * samples, 1) / 8
        shown = max(samples, 4 if color == 3 else 1) * max(bits / 8, 1)
        return LARGEST_RATIO * shown / stored
    if start.startswith(b"\xff\xd8\xff"):
        return _JPEG_RATIO
    return _TIFF_RATIO


def _question(start: bytes) -> Callable[[FileBytes], str] | None:
    for beginnings, question in (
        ((b"\x89PNG",), _png_defect),
        ((b"\xff\xd8\xff",), _jpeg_defect),
        ((b"BM",), _bmp_defect),
        ((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), tiff_defect),
    ):
        if start.startswith(beginnings):
            return question
    return None


def _png_defect(data: FileBytes) -> str:
    # Some programs append bytes of their own, so the end marker is searched for.
    last = data.part(max(0, len(data) - 65536), len(data))
    return "" if b"\0\0\0\0IEND\xaeB`\x82" in last else TRUNCATED


def _bmp_defect(data: FileBytes) -> str:
    if len(data) < 34:
        return TRUNCATED
    offset, header = data.unpack("<2I", 10)
    if header < 40:  # the OS/2 format, with 16-bit sizes
        width, height, _, bits = data.unpack("<4H", 18)
        compression = 0
    else:
        width, height, _, bits, compression = data.unpack("<2i2HI", 18)
    if compression not in (0, 3):  # ITK's run-length decoder writes beyond the image
        return "it is a compressed BMP, which cannot be read safely; save it as PNG"
    row = (width * bits + 31) // 32 * 4
    return "" if offset + row * abs(height) <= len(data) else TRUNCATED


def _jpeg_defect(data: FileBytes) -> str:
    """The reason if the end-of-image marker is missing after the first scan.

    A thumbnail within a segment has markers of its own, so segments are skipped (ITU T.81, annex
    B). Within a scan, 0xFF is followed by 0 or a restart marker, so the end marker is unambiguous.
    """
    at = 2
    while at + 4 <= len(data) and data.byte(at) == 0xFF:
        marker = data.byte(at + 1)
        if marker == 0xDA:
            return "" if data.find(b"\xff\xd9", at) >= 0 else TRUNCATED
        if marker == 0xFF:  # fill bytes may precede a marker
            at += 1
        else:
            at += 2 + data.unpack(">H", at + 2)[0]
    return TRUNCATED
