"""Values of every kind, for the store laws."""

from __future__ import annotations

import struct
from typing import Any

import hypothesis.strategies as st
import numpy as np
from hypothesis.extra import numpy as arrays

from voxgpu.ids import ValueId
from voxgpu.image import Grid, Image

ELEMENTS = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "float32"]
ELEMENTS += ["float64"]

_numbers = st.floats(width=64, allow_nan=True)
_places = st.floats(-1e6, 1e6)


@st.composite
def images(draw: st.DrawFn) -> Image:
    rank = draw(st.sampled_from([2, 3]))
    shape = draw(st.tuples(*[st.integers(1, 7)] * rank))
    channels = draw(st.sampled_from([(), (), (), (3,), (4,)]))
    element = np.dtype(draw(st.sampled_from(ELEMENTS if not channels else ["uint8", "float32"])))
    array = draw(arrays.arrays(element, shape + channels))
    if draw(st.booleans()):
        array = np.asfortranarray(array)
    grid = Grid(
        shape,
        draw(st.tuples(*[st.floats(1e-3, 1e3)] * rank)),
        draw(st.tuples(*[_places] * rank)),
        draw(st.tuples(*[st.floats(-1, 1)] * rank**2)),
        draw(st.binary(max_size=9)),
    )
    return Image(array, grid)


_texts = st.text(st.characters(), max_size=40)
_leaves = st.one_of(_numbers, st.booleans(), _texts, images())
values = st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=5).map(tuple), max_leaves=8
) | st.lists(_numbers, max_size=3000).map(tuple)


def same(found: Any, expected: Any) -> bool:
    """Whether two values have the same kind and the same bits."""
    if type(found) is not type(expected):
        return False
    if isinstance(expected, tuple):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(expected, float):
        return struct.pack("<d", found) == struct.pack("<d", expected)
    if isinstance(expected, Image):
        bits = found.array.tobytes() == expected.array.tobytes()
        kinds = found.array.dtype == expected.array.dtype
        return (
            bits
            and kinds
            and found.array.shape == expected.array.shape
            and (found.grid == expected.grid)
        )
    return bool(found == expected)


def id_of(number: int) -> ValueId:
    return ValueId(f"{number:064x}")


def image(shape: tuple[int, ...] = (4, 5, 6), element: str = "float32", seed: int = 0) -> Image:
    random = np.random.default_rng(seed)
    return Image((random.random(shape) * 100).astype(element), Grid.regular(shape))
