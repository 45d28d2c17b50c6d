"""Parsing of byte sizes such as ``500M``, ``20G`` or ``1.5GiB``."""

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
