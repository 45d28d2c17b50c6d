"""Small test images: thin, flat, empty and full ones, and special numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

#: 2-D and 3-D, down to single voxels.
shapes = array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=7)

#: float32 edge cases: ties, signed zeros, NaN, infinities.
ties = st.sampled_from([0.0, -0.0, 1.0, 2.0, -1.5, 0.1, 3.0e8, 1e-40])
odd_numbers = ties | st.sampled_from([np.nan, np.inf, -np.inf]) | st.floats(width=32)

spacings = st.sampled_from([1.0, 0.5, 0.7, 1.3, 3.3, 0.9375])


def masks(shape: Any = shapes) -> st.SearchStrategy[Any]:
    """Images of true/false, including the empty and the full one."""
    return arrays(np.bool_, shape)


def numbers(shape: Any = shapes, elements: Any = odd_numbers) -> st.SearchStrategy[Any]:
    """Images of float32."""
    return arrays(np.float32, shape, elements=elements.map(np.float32))


@st.composite
def masks_with_spacing(draw: Any) -> tuple[Any, tuple[float, ...]]:
    """A mask and mm per axis."""
    mask = draw(masks())
    return mask, tuple(draw(spacings) for _ in mask.shape)
