"""Content-addressed value ids: the hash of everything that a value depends on.

Ids are the SHA-256 of canonical bytes. Every part is tagged with its kind and its length, so that
``1``, ``1.0``, ``true`` and ``"1"`` cannot collide; inputs enter by their ids. Names, positions in
the program, devices and order are never part of an id.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from hashlib import sha256
from typing import NewType

import numpy as np

from voxgpu.image import Grid

ValueId = NewType("ValueId", str)

#: What an id may be computed from, besides the ids of inputs.
Ingredient = bool | int | float | str | bytes | Grid | tuple[float, ...] | None

#: The encoding of a number by ``meaning_of``.
_FLOAT = np.dtype([("tag", "S1"), ("length", "<u8"), ("value", "<f8")])


def value_id(meaning: bytes, inputs: Iterable[str]) -> ValueId:
    """Returns the id of ``meaning`` (canonical bytes) applied to values with these ids."""
    return ValueId(sha256(meaning + "".join(inputs).encode()).hexdigest())


def meaning_of(*ingredients: Ingredient) -> bytes:
    """Returns canonical bytes of ``ingredients``: equal exactly if kinds and values are equal."""
    return b"".join(map(_encode, ingredients))


def _encode(ingredient: Ingredient) -> bytes:
    match ingredient:
        case bool():
            tag, body = b"b", bytes([ingredient])
        case int():
            tag, body = b"i", str(ingredient).encode()
        case float():
            tag, body = b"f", struct.pack("<d", ingredient)
        case str():
            tag, body = b"s", ingredient.encode("utf-8", "surrogatepass")
        case bytes():
            tag, body = b"y", ingredient
        case tuple():
            tag, body = b"t", _tuple_bytes(ingredient)
        case None:
            tag, body = b"n", b""
        case Grid():
            tag, body = b"g", _grid_bytes(ingredient)
    return tag + struct.pack("<Q", len(body)) + body


def _tuple_bytes(values: tuple[Ingredient, ...]) -> bytes:
    """Returns ``meaning_of`` all values; vectorized for long tuples of numbers."""
    if len(values) < 64 or not all(type(each) is float for each in values):
        return meaning_of(*values)
    rows = np.empty(len(values), _FLOAT)
    rows["tag"], rows["length"], rows["value"] = b"f", 8, values
    return rows.tobytes()


def _grid_bytes(grid: Grid) -> bytes:
    parts: list[Ingredient] = [*grid.shape, *grid.spacing, *grid.origin, *grid.direction]
    return meaning_of(grid.dimensions, *parts, grid.nifti)
