"""Checksums of texts in the rows of an index: a flipped bit makes a row a miss."""

from __future__ import annotations

import xxhash

#: Hexadecimal digits of a checksum, xxh3-64.
_DIGITS = 16


def sealed(text: str, *context: str) -> str:
    """Prefix the text with a checksum of itself and of its context, such as an id."""
    return _checksum(text, context) + text


def unsealed(text: str, *context: str) -> str | None:
    """Return the text of `sealed`; None if the text or its context has changed."""
    inner = text[_DIGITS:]
    return inner if text[:_DIGITS] == _checksum(inner, context) else None


def _checksum(text: str, context: tuple[str, ...]) -> str:
    whole = "\0".join((*context, text))
    return xxhash.xxh3_64_hexdigest(whole.encode("utf-8", "surrogatepass"))
