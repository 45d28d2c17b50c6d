"""Small test images: thin, flat, empty and full ones, and special numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

#: 2-D and 3-D, down to single voxels.
shapes = array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=7)

#: float32 edge cases: ties, signed zeros, NaN, infinities.
ties = st.sampled_from([0.0, -0.0, 1.0, 2.0, -1.5, 0.1, 3.0e8, 1e-40])
odd_numbers = ties | st.sampled_from([np.nan, np.inf, -np.inf]) | st.floats(width=32)

spacings = st.sampled_from([1.0, 0.5, 0.7, 1.3, 3.3, 0.9375])


#: Shares of an image that differ from its most frequent element.
_shares = st.sampled_from([1.0, 0.5, 0.1, 0.9, 0.0])

_seeds = st.integers(0, 2**32 - 1)


@st.composite
def masks(draw: Any, shape: Any = shapes) -> Any:
    """Images of true/false, including the empty and the full one."""
    size = shape if isinstance(shape, tuple) else draw(shape)
    share = draw(_shares)
    return np.random.default_rng(draw(_seeds)).random(size) < share


@st.composite
def numbers(draw: Any, shape: Any = shapes, elements: Any = odd_numbers) -> Any:
    """Images of float32.

    Hypothesis draws a few elements, and where they lie is random: to draw each voxel took most of
    the time of the tests.
    """
    size = shape if isinstance(shape, tuple) else draw(shape)
    some = np.array(draw(st.lists(elements, min_size=1, max_size=16)), np.float32)
    share = draw(_shares)
    random = np.random.default_rng(draw(_seeds))
    return np.where(random.random(size) < share, random.choice(some, size), some[0])


@st.composite
def masks_with_spacing(draw: Any) -> tuple[Any, tuple[float, ...]]:
    """A mask and mm per axis."""
    mask = draw(masks())
    return mask, tuple(draw(spacings) for _ in mask.shape)
