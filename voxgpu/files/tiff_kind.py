"""Selection of the TIFF reader: ITK, or tifffile for files that ITK misreads.

ITK reads half floats as integers, tiles of more than 8 bits and single bits as colors, only the
first of two channels, and channels and time points as if they were slices.
"""

from __future__ import annotations

import json
import math
import re
import struct
from contextlib import suppress
from pathlib import Path

from voxgpu.files.errors import FileError
from voxgpu.files.file_bytes import FileBytes
from voxgpu.files.paths import beginning
from voxgpu.files.tiff import Page, full_pages

#: The entry in `Header.reading` for images read by tifffile; bump it when values change.
READING = "tifffile 1"

_BEGINNINGS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_BITS, _PHOTOMETRIC, _DESCRIPTION, _SAMPLES, _PLANAR, _FORMAT = 258, 262, 270, 277, 284, 339

_TILE_OFFSETS, _DEPTH = 324, 32997

#: Formats and bits of samples that ITK reads correctly.
_PLAIN = {(1, 8), (1, 16), (1, 32), (2, 8), (2, 16), (2, 32), (3, 32)}

#: Photometric interpretations with 8-bit samples that ITK converts to colors: palettes, YCbCr, …
_COLORS = (2, 3, 5, 6, 8)

_HELP = (
    "save each channel or time point as a file of its own (in ImageJ: Image > Color > Split "
    "Channels, Image > Stacks > Tools > Stack Splitter)"
)


def needs_tifffile(path: str) -> bool:
    """Whether a file is a TIFF that ITK misreads.

    Raises FileError if its pages are not slices of one image.
    """
    if not beginning(path, 4).startswith(_BEGINNINGS):
        return False
    with Path(path).open("rb") as file, suppress(ValueError, struct.error):
        pages = full_pages(FileBytes(file))
        if pages:
            return _check_slices(path, pages) or not _is_plain(pages[0])
    return False


def _is_plain(page: Page) -> bool:
    bits = set(page.get(_BITS, (1,)))
    samples = page.get(_SAMPLES, (1,))[0]
    kinds = {(form, each) for form in page.get(_FORMAT, (1,)) for each in bits}
    color = page.get(_PHOTOMETRIC, (1,))[0] in _COLORS
    if page.get(_DEPTH, (1,))[0] > 1 or not kinds:
        return False
    if color and bits == {8} and page.get(_PLANAR, (1,))[0] == 1:
        return True
    apart = samples > 1 and page.get(_PLANAR, (1,))[0] != 1
    alone = samples in (1, 3, 4) and len(kinds) == 1 and kinds <= _PLAIN
    return alone and not apart and _TILE_OFFSETS not in page


def _check_slices(path: str, pages: list[Page]) -> bool:
    """Whether there are slices without pages of their own, after the first, which ITK ignores."""
    text = bytes(pages[0].get(_DESCRIPTION, ())).rstrip(b"\0").decode("utf-8", "replace")
    sizes = _sizes(text, pages[0].get(_SAMPLES, (1,))[0])
    several = {name: size for name, size in sizes.items() if size > 1 and name != "slices"}
    if several:
        listed = " and ".join(f"{size} {name}" for name, size in several.items())
        slices = sizes.get("slices", 1)
        raise FileError(
            path, f"it has {listed} for each of {slices} slices; images here have 1", _HELP
        )
    planes = math.prod(sizes.values())
    if sizes and planes != len(pages) > 1:
        raise FileError(path, f"it says that it has {planes} slices, and {len(pages)} are there")
    return planes > len(pages)


def _sizes(text: str, samples: int) -> dict[str, int]:
    """The axis sizes in the description of a file, as ImageJ, OME and tifffile write it."""
    sizes: dict[str, int] = {}
    if text.startswith("ImageJ="):
        described = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        names = {"channels": "channels", "frames": "time points", "slices": "slices"}
        sizes = {
            word: int(described[name])
            for name, word in names.items()
            if described.get(name, "").isdigit()
        }
        images = described.get("images", "")
        if images.isdigit() and math.prod(sizes.values()) != int(images):
            sizes = {"slices": int(images)}
    elif "<OME" in text[:2000]:
        for letter, word in (("C", "channels"), ("T", "time points"), ("Z", "slices")):
            if match := re.search(rf'\bSize{letter}="(\d+)"', text):
                sizes[word] = int(match[1])
        if sizes.get("channels", 1) % samples == 0:
            sizes["channels"] = sizes.get("channels", 1) // samples
    elif text.startswith('{"shape":'):
        with suppress(ValueError, TypeError):
            shape = [int(each) for each in json.loads(text)["shape"]]
            shape = shape[: len(shape) - 2 - (samples > 1)]
            sizes = {"slices": shape[-1]} if shape else {}
            if math.prod(shape[:-1]) > 1:
                sizes["volumes"] = math.prod(shape[:-1])
    return sizes
