"""Otsu on the CPU equals the reference, for every element and number of pieces."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.primitives.images import masks, numbers, odd_numbers, shapes
from tests.strategies import law
from voxgpu.backends.cpu import otsu as implementation
from voxgpu.backends.cpu.otsu import otsu
from voxgpu.backends.thread_pool import ThreadPool
from voxgpu.codegen.numba_kernels import kernel
from voxgpu.primitives.intensity_ranks import otsu as reference
from voxgpu.primitives.otsu_reference import bin_edges
from voxgpu.primitives.primitive import UndefinedValueError

ELEMENTS = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64")
BINS = st.sampled_from([2.0, 3.0, 5.0, 20.0, 1000.0]) | st.sampled_from([0.0, 1.0, 2.5, np.nan])


@st.composite
def cases(draw: Any) -> Any:
    """An image of any element, and a mask."""
    element, shape = np.dtype(draw(st.sampled_from(ELEMENTS))), draw(shapes)
    if element.kind == "f":
        v = draw(numbers(shape, odd_numbers)).astype(element)
    elif element.kind == "b":
        v = draw(masks(shape))
    else:
        bounds = np.iinfo(element)
        few = st.integers(max(-3, bounds.min), 5)
        each = few | st.sampled_from([int(bounds.min), int(bounds.max)])
        size = int(np.prod(shape))
        listed = draw(st.lists(each, min_size=size, max_size=size))
        v = np.array(listed, element).reshape(shape)
    return v, draw(masks(shape))


def outcome(function: Any, *arguments: Any) -> Any:
    """The result's type and bits, or the error message."""
    try:
        result = function(*arguments)
    except UndefinedValueError as problem:
        return str(problem)
    return result.dtype, result.shape, result.tobytes()


def expected(v: Any, mask: Any, bins: float) -> Any:
    rounded = v.astype(np.float32)
    return outcome(reference.function, rounded, mask, bins)


@pytest.fixture(params=["values counted", "numbers counted"])
def either_way(request: Any, monkeypatch: Any) -> None:
    """Small integers are counted by value, or like other numbers, for any number of voxels."""
    limit = 0 if request.param == "values counted" else 1 << 40
    monkeypatch.setattr(implementation, "VOXELS_A_VALUE", limit)


@pytest.mark.slow
@pytest.mark.usefixtures("either_way")
@given(cases(), BINS)
@example((np.float32([[1e-45, 3e-45, 6e-45]]), np.ones((1, 3), bool)), 1000.0)
@example((np.float32([[3e38, -3e38]]), np.ones((1, 2), bool)), 3.0)
@example((np.float32([[np.nan, np.inf]]), np.ones((1, 2), bool)), 3.0)
@example((np.float64([[1e300, 1.0, 2.0]]), np.ones((1, 3), bool)), 3.0)
@example((np.int16([[7, 7]]), np.ones((1, 2), bool)), 1000.0)
@law(400)
def test_small_images(case: Any, bins: float) -> None:
    v, mask = case
    assert outcome(otsu, v, mask, bins, ThreadPool(1)) == expected(v, mask, bins)


@pytest.mark.parametrize("element", ["int8", "uint8", "int16", "uint16", "int32", "float32"])
@pytest.mark.parametrize("bins", [2, 128])
def test_a_large_image_in_any_number_of_pieces(element: str, bins: int) -> None:
    random = np.random.default_rng(0)
    v = random.integers(0, 100, (26, 300, 301))
    v[random.random(v.shape) < 0.3] += 20
    v, mask = v.astype(element), random.random(v.shape) < 0.4
    alone, together = ThreadPool(1), ThreadPool(3)
    wanted = expected(v, mask, bins)
    assert outcome(otsu, v, mask, bins, alone) == wanted
    assert outcome(otsu, v, mask, bins, together) == wanted
    together.close()


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("element", ["uint8", "int16", "float32"])
def test_strided_images(element: str) -> None:
    v = np.arange(2 * 5 * 6).reshape(2, 5, 6).astype(element).swapaxes(0, 2)[::2]
    mask = np.ones((2, 5, 3), bool).T
    mask[1] = False
    assert outcome(otsu, v, mask, 4, ThreadPool(1)) == expected(v, mask, 4)


@pytest.mark.usefixtures("either_way")
def test_the_other_order_of_bytes() -> None:
    v = np.array([[1, 300, 2, 400]], np.dtype(np.int16).newbyteorder())
    everywhere = np.ones(v.shape, bool)
    assert outcome(otsu, v, everywhere, 8, ThreadPool(1)) == expected(v, everywhere, 8)


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("element", ["int16", "float32"])
def test_nothing_in_the_mask(element: str) -> None:
    v = np.ones((2, 3), element)
    with pytest.raises(UndefinedValueError, match="no voxel in `mask` has a finite value"):
        otsu(v, v > 1, 4, ThreadPool(1))


@pytest.mark.parametrize("bins", [2, 7, 100, 1000])
@pytest.mark.parametrize(
    "bounds", [(0.0, 1.0), (-3.7, 12.1), (1e6, 1e6 + 1), (5.0, 5.0), (0, 6e-45)]
)
@pytest.mark.parametrize("misled", [1.0, 0.5, 3.0])
def test_numbers_on_edges_are_in_the_bin_that_begins_there(
    bins: int, bounds: tuple[float, float], misled: float
) -> None:
    least, greatest = (float(np.float32(each)) for each in bounds)
    lower, _ = bin_edges(least, greatest, bins)
    edges = lower.astype(np.float32)
    beside = [np.nextafter(edges, np.float32(to)) for to in (-np.inf, np.inf)]
    values = np.concatenate((edges, *beside)).clip(least, greatest)
    odd = np.float32([np.nan, np.inf, -np.inf])
    shown = np.concatenate((values, odd, values))
    mask = np.arange(len(shown)) < len(values) + len(odd)
    span = float(lower[-1]) - least
    # Even a very wrong estimate is corrected.
    scale = misled * (bins - 1) / span if span else 0.0
    counts = np.zeros(bins, np.int64)
    kernel("otsu", "count_bins")(len(shown), shown, mask, bins, least, scale, lower, counts)
    places = np.searchsorted(lower, values.astype(np.float64), side="right") - 1
    assert counts.tolist() == np.bincount(places, minlength=bins).tolist()
