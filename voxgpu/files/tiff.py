"""Detection of damaged TIFF files, and parsing of their directories.

Follows TIFF 6.0, section 2 (https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf), and
BigTIFF: a chain of directories, one for each page. Each is a list of fields: a tag, a type, a
number of values, and the values or their offset.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator

from voxgpu.files.file_bytes import FileBytes

TRUNCATED = "truncated: the file ends before its image does"

#: Formats of the value types; a fraction, two numbers, is read as one of the same size.
_TYPES = {
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

_KIND = 254
_STRIPS_AND_TILES = ((273, 279), (324, 325))

#: Width, height, bits, compression, color, samples, planar layout and format of the voxels.
_SHARED = (256, 257, 258, 259, 262, 277, 284, 339)

_SIZE = (256, 257)

#: Bits of the page type for pages without image data: a reduced copy, a mask.
_NO_PAGE = 1 | 4

_WHOLE_NUMBERS = (3, 4, 13, 16)

_DESCRIPTION = 270

#: Bytes of a description that are read: OME stores sizes at its beginning.
_DESCRIPTION_BYTES = 1 << 16

#: Tag for the number of slices, in a page that is a volume.
_DEPTH = 32997

_TAGS = {
    _KIND,
    _DESCRIPTION,
    _DEPTH,
    *_SHARED,
    *(tag for pair in _STRIPS_AND_TILES for tag in pair),
}

Page = dict[int, tuple[int, ...]]


def tiff_defect(data: FileBytes) -> str:
    """Why a TIFF should not be read, or empty.

    Everything that directories refer to must lie in the file. All pages must be alike, with reduced
    copies of them at the end: ITK reads every page into memory sized for pages like the first, and
    a page after a thumbnail overflows its memory.
    """
    try:
        pages = list(_pages(data))
    except struct.error:  # an offset lies beyond the end
        return TRUNCATED
    if not pages or not all(_strips_fit(page, len(data)) for page in pages):
        return TRUNCATED
    if any(not _is_complete(page) for page in pages):
        return "it is damaged: a page lacks its size or its voxels"
    full = [not (page.get(_KIND) or (0,))[0] & _NO_PAGE for page in pages]
    whole = itertools.compress(pages, full)
    if len({tuple(page.get(tag) for tag in (_KIND, *_SHARED)) for page in whole}) > 1:
        return "its pages differ in size or in the type of their voxels"
    if sum(full) > 1 and not all(full[: sum(full)]):
        return "thumbnails or masks stand before or between its pages; remove them"
    return ""


def full_pages(data: FileBytes) -> list[Page]:
    """Read the directories of a TIFF, without reduced copies and masks; only fields used here.

    Raises struct.error if an offset lies beyond the end.
    """
    return [page for page in _pages(data) if not (page.get(_KIND) or (0,))[0] & _NO_PAGE]


def _is_complete(page: Page) -> bool:
    sized = all(page.get(tag) and min(page[tag]) > 0 for tag in _SIZE)
    return sized and any(page.get(offsets) for offsets, _ in _STRIPS_AND_TILES)


def _strips_fit(page: Page, size: int) -> bool:
    return all(
        offset + length <= size
        for offsets, lengths in _STRIPS_AND_TILES
        for offset, length in zip(page.get(offsets, ()), page.get(lengths, ()), strict=False)
    )


def _pages(data: FileBytes) -> Iterator[Page]:
    order = "<" if data.part(0, 2) == b"II" else ">"
    big = data.unpack(order + "H", 2)[0] == 43
    count_form, place_form = ("Q", "Q") if big else ("H", "I")
    field_bytes = 20 if big else 12
    at = data.unpack(order + place_form, 8 if big else 4)[0]
    seen = set()
    while at and at not in seen:
        seen.add(at)
        count = data.unpack(order + count_form, at)[0]
        first = at + struct.calcsize(order + count_form)
        end = first + count * field_bytes
        if end > len(data):
            raise struct.error
        page: Page = {}
        for field in range(first, end, field_bytes):
            tag, values = _values(data, order, place_form, field)
            page.setdefault(tag, values)
        yield page
        at = data.unpack(order + place_form, end)[0]


def _values(
    data: FileBytes, order: str, place_form: str, field: int
) -> tuple[int, tuple[int, ...]]:
    """Read the tag of a field and its values; no values for tags that are not used here."""
    tag, kind = data.unpack(order + "2H", field)
    form = _TYPES.get(kind, "B")
    count = data.unpack(order + place_form, field + 4)[0]
    at = field + 4 + struct.calcsize(order + place_form)
    length = count * struct.calcsize(order + form)
    if length > struct.calcsize(order + place_form):
        at = data.unpack(order + place_form, at)[0]
    if at + length > len(data):
        raise struct.error
    if tag == _DESCRIPTION:
        return tag, tuple(data.part(at, at + min(length, _DESCRIPTION_BYTES)))
    if tag not in _TAGS or kind not in _WHOLE_NUMBERS:
        return tag, ()
    return tag, data.unpack(f"{order}{count}{form}", at)
