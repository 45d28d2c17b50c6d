"""Byte sizes: parsing such as ``500M``, ``20G`` or ``1.5GiB``, and formatting."""

from __future__ import annotations

import re

_BYTES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(I?)B?", re.IGNORECASE)


def bytes_of(text: str) -> int:
    """Returns the number of bytes of a size. Raises ValueError if it is invalid."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or (match[3] and not match[2]):
        raise ValueError(f"{text!r} is no size; write 500M, 20G or 1.5GiB")
    units = _BINARY if match[3] else _BYTES
    return int(float(match[1]) * units[match[2].upper()])


def size_text(count: float) -> str:
    """Bytes of files for people, in powers of ten, as file managers show them."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def memory_text(count: int) -> str:
    """Bytes of memory for people, in powers of two, as the system counts it."""
    if 0 < count < 2**20:
        return f"{count / 2**10:.0f} KiB"
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
