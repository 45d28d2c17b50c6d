"""Does a PNG, JPEG, BMP or TIFF file hold all of its image, by its own account?

ITK reads JPEG, BMP and TIFF files that were cut as if nothing were amiss: gray, other memory, or
fewer slices take the place of what is missing.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable
from pathlib import Path

from voxgpu.files.existing import beginning, os_reason
from voxgpu.files.problem import FileProblem

#: Formats of the types of TIFF values; fractions are two numbers, here one of the same size.
_TIFF_TYPES = {
    3: "H",
    4: "I",
    5: "Q",
    8: "h",
    9: "i",
    10: "q",
    11: "f",
    12: "d",
    13: "I",
    16: "Q",
    17: "q",
    18: "Q",
}


def is_raster(start: bytes) -> bool:
    """Whether a file that begins so is one of these."""
    return _question(start) is not None


def is_whole(place: str) -> bool:
    """Whether nothing is missing at the end of the file. Raises FileProblem if it is gone."""
    question = _question(beginning(place, 8))
    try:
        with Path(place).open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:  # an empty file cannot be mapped
        reason = os_reason(error) if isinstance(error, OSError) else "the file is empty"
        raise FileProblem(place, reason) from None
    with data:
        return question is None or question(data)


def _question(start: bytes) -> Callable[[mmap.mmap], bool] | None:
    for beginnings, question in (
        ((b"\x89PNG",), _png_is_whole),
        ((b"\xff\xd8\xff",), _jpeg_is_whole),
        ((b"BM",), _bmp_is_whole),
        ((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), _tiff_is_whole),
    ):
        if start.startswith(beginnings):
            return question
    return None


def _png_is_whole(data: mmap.mmap) -> bool:
    # Some programs append bytes of their own, so the end is looked for, not expected.
    return data.rfind(b"\0\0\0\0IEND\xaeB`\x82", max(0, len(data) - 65536)) >= 0


def _bmp_is_whole(data: mmap.mmap) -> bool:
    start, size = data[:34], len(data)
    if size < 34:
        return False
    offset, header = struct.unpack_from("<2I", start, 10)
    if header < 40:  # the format of OS/2, with 16-bit sizes
        width, height, _, bits = struct.unpack_from("<4H", start, 18)
        compression = 0
    else:
        width, height, _, bits, compression = struct.unpack_from("<2i2HI", start, 18)
    if compression not in (0, 3):
        return True
    row = (width * bits + 31) // 32 * 4
    return bool(offset + row * abs(height) <= size)


def _jpeg_is_whole(data: mmap.mmap) -> bool:
    """Whether the end-of-image marker follows the first scan.

    A thumbnail within a segment has markers of its own, so segments are stepped over (ITU T.81,
    annex B). Within a scan, 0xFF is followed by 0 or a restart marker, so the end is not
    mistaken.
    """
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xDA:
            return data.find(b"\xff\xd9", at) >= 0
        if marker == 0xFF:  # fill bytes may stand before a marker
            at += 1
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False


def _tiff_is_whole(data: mmap.mmap) -> bool:
    """Whether all directories of a TIFF, their values, and the strips or tiles lie in the file.

    TIFF 6.0, section 2, and BigTIFF: a chain of directories, each a count of fields of a tag, a
    type, a number of values, and the values or where they are.
    """
    try:
        return _tiff_directories(data)
    except struct.error:  # something lies beyond the end
        return False


def _tiff_directories(data: mmap.mmap) -> bool:
    order = "<" if data[:2] == b"II" else ">"
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    count_form, place_form = ("Q", "Q") if big else ("H", "I")
    field_bytes = 20 if big else 12
    at = struct.unpack_from(order + place_form, data, 8 if big else 4)[0]
    seen = set()
    while at and at not in seen:
        seen.add(at)
        count = struct.unpack_from(order + count_form, data, at)[0]
        fields = at + struct.calcsize(order + count_form)
        end = fields + count * field_bytes
        if not _tiff_fields_fit(data, order, big, range(fields, end, field_bytes)):
            return False
        at = struct.unpack_from(order + place_form, data, end)[0]
    return bool(seen)


def _tiff_fields_fit(data: mmap.mmap, order: str, big: bool, fields: range) -> bool:
    values: dict[int, tuple[int, ...]] = {}
    for field in fields:
        tag = struct.unpack_from(order + "H", data, field)[0]
        at, count, form = _tiff_values(data, order, big, field)
        if at + count * struct.calcsize(order + form) > len(data):
            return False
        if tag in (273, 279, 324, 325):  # offsets and lengths of strips, of tiles
            values[tag] = struct.unpack_from(f"{order}{count}{form}", data, at)
    return all(
        offset + length <= len(data)
        for offsets, lengths in ((273, 279), (324, 325))
        for offset, length in zip(values.get(offsets, ()), values.get(lengths, ()), strict=False)
    )


def _tiff_values(data: mmap.mmap, order: str, big: bool, field: int) -> tuple[int, int, str]:
    """Where the values of a field are, how many, and the format of each."""
    form = _TIFF_TYPES.get(struct.unpack_from(order + "H", data, field + 2)[0], "B")
    length = "Q" if big else "I"
    count = struct.unpack_from(order + length, data, field + 4)[0]
    at = field + 4 + struct.calcsize(order + length)
    if count * struct.calcsize(order + form) > struct.calcsize(order + length):
        at = struct.unpack_from(order + length, data, at)[0]
    return at, count, form
