"""Many thresholds of one image in one pass equal single comparisons."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.primitives.images import masks, numbers
from tests.strategies import law
from voxgpu.backends.cpu.percentiles import compared_percentiles
from voxgpu.backends.cpu.threshold_counts import count_thresholds
from voxgpu.backends.thread_pool import ThreadPool
from voxgpu.codegen.integer_interpreter import to_kernel_dtype
from voxgpu.primitives.internal import OPERATORS, percentile_compare, threshold_count

ELEMENTS = ("uint8", "int8", "uint16", "int16", "int32", "uint32", "int64", "float32", "float64")
NUMBERS = st.sampled_from([0.0, -0.0, 1.0, 0.5, 3.0, -2.0, 99.0, 1e30, -1e30, 1e300]) | (
    st.sampled_from([np.inf, -np.inf, np.nan, 1e-42]) | st.floats(width=32)
)
COMPARISONS = st.lists(st.tuples(st.sampled_from(sorted(OPERATORS)), NUMBERS), min_size=1)


@st.composite
def images(draw: Any) -> Any:
    element = draw(st.sampled_from(ELEMENTS))
    shape = draw(st.sampled_from([(3, 4), (1, 1), (2, 3, 5), (1, 7, 1), (4, 4, 17)]))
    if element.startswith("float"):
        return draw(numbers(shape)).astype(element)
    return draw(numbers(shape, st.integers(-4, 100).map(float))).astype(element)


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 3])
def test_counts(threads: int) -> None:
    workers = ThreadPool(threads)

    @given(images(), COMPARISONS)
    @law(300)
    def check(v: Any, comparisons: list[tuple[str, float]]) -> None:
        expected = [
            threshold_count.function(to_kernel_dtype(v), n, each) for each, n in comparisons
        ]
        assert count_thresholds(v, comparisons, workers) == expected

    check()
    workers.close()


@pytest.mark.slow
@given(images(), st.data(), COMPARISONS, st.sampled_from([0.0, 0.5, 1.0, -3.0, np.nan]))
@law(200)
def test_percentiles(v: Any, data: Any, comparisons: list[tuple[str, float]], c: float) -> None:
    mask = data.draw(masks(v.shape))
    workers = ThreadPool(1)
    found = compared_percentiles(v, mask, c, comparisons, workers)
    for (operator, n), each in zip(comparisons, found, strict=True):
        expected = percentile_compare.function(to_kernel_dtype(v), mask, c, n, operator)
        assert np.array_equal(each, expected)


@pytest.mark.parametrize("element", ["int16", "float32"])
def test_a_large_image_in_many_pieces(element: str) -> None:
    v = np.random.default_rng(0).integers(-500, 500, (40, 300, 301)).astype(element)
    comparisons = [(name, t) for t in (-100.0, 0.0, 17.0, 499.0) for name in OPERATORS]
    alone, together = ThreadPool(1), ThreadPool(4)
    expected = [threshold_count.function(v.astype("f4"), n, each) for each, n in comparisons]
    assert count_thresholds(v, comparisons, alone) == expected
    assert count_thresholds(v, comparisons, together) == expected
    together.close()
