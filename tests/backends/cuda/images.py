"""Test images for kernels on populations: every element, special numbers, wide ranges."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.cuda_emulator.device import emulated
from tests.primitives.images import odd_numbers

ELEMENTS = (
    *("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
    *("float32", "float64"),
)

#: One voxel, thin axes, 2-D, and sizes around those of warps, blocks and tiles.
SHAPES = [
    *((1, 1), (1, 9), (6, 5), (1, 257), (33, 31), (1, 1, 7), (4, 1, 6), (3, 5, 4), (7, 1, 37)),
    (1, 2, 1024),
]


@st.composite
def images(draw: Any) -> Any:
    """An image of any element, and a mask."""
    element, shape = np.dtype(draw(st.sampled_from(ELEMENTS))), draw(st.sampled_from(SHAPES))
    size = math.prod(shape)
    if element.kind == "f":
        each = odd_numbers | st.sampled_from([5.0, 7.0])
        if element.itemsize == 8:
            each |= st.sampled_from([1e300, 1e-300, 1.0 + 1e-12, 16777217.0])
    elif element.kind == "b":
        each = st.booleans()
    else:
        bounds = np.iinfo(element)
        far = [int(bounds.min), int(bounds.max)]
        near = st.integers(max(-3, bounds.min), 5)
        # Numbers that share a counter with 0 and 1; numbers equal as float32.
        more = [each for each in (8192, 8193, 16384, 16777216, 16777217) if each <= bounds.max]
        each = near | st.sampled_from(far + more)
    some = np.array(draw(st.lists(each, min_size=1, max_size=min(size, 30))), element)
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    share = draw(st.sampled_from([0.0, 0.02, 0.5, 1.0]))
    v = np.resize(some, size) if draw(st.booleans()) else random.choice(some, size)
    return v.reshape(shape), random.random(shape) < share


def as_float32(v: Any) -> Any:
    """The image as references receive it."""
    return v.astype(np.float32)


@contextmanager
def any_schedule(libraries: tuple[str, ...], seed: int) -> Iterator[Callable[[str], Any]]:
    """Modules whose threads and blocks run in an order determined by the seed."""
    modules = {each: emulated(each) for each in libraries}
    for module in modules.values():
        module.configure(seed=seed, yield_per_mille=200, resident=6)
    try:
        yield modules.__getitem__
    finally:
        for module in modules.values():
            module.configure()
