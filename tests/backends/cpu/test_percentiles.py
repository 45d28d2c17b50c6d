"""Percentiles on the CPU equal the reference bitwise, for every element and number of pieces."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.backends.cpu.test_otsu import cases
from tests.strategies import law
from voxgpu.backends.cpu.percentiles import compared_percentiles, percentiles
from voxgpu.backends.thread_pool import ThreadPool
from voxgpu.codegen.integer_interpreter import to_kernel_dtype
from voxgpu.primitives.intensity_ranks import percentiles as reference
from voxgpu.primitives.internal import OPERATORS, compare

#: The first and the last bit pattern of NaN, of either sign, among numbers.
NANS = np.array(
    [[0x7F800001, 0x40000000, 0x7FFFFFFF, 0xFF800001, 0x3F800000, 0xFFFFFFFF]], np.uint32
)

SHARES = st.sampled_from([0.0, 0.5, 1.0, 0.3, -2.0, 1e300, np.inf, np.nan]) | st.floats(0, 1)


def expected(v: Any, mask: Any, c: float) -> Any:
    return reference.function(to_kernel_dtype(v), mask, c)


def same_bits(found: Any, wanted: Any) -> bool:
    alike = found.dtype == wanted.dtype and found.shape == wanted.shape
    return alike and found.tobytes() == wanted.tobytes()


@pytest.mark.slow
@given(cases(), SHARES)
@example((np.float32([[0.0, -0.0, 1.0]]), np.ones((1, 3), bool)), 0.5)
@example((np.float32([[np.nan, np.inf, -np.inf, 1.0]]), np.ones((1, 4), bool)), 0.5)
@example((NANS.view(np.float32), np.ones((1, 6), bool)), 0.5)
@example((np.float32([[np.nan, np.nan]]), np.ones((1, 2), bool)), 1.0)
@example((np.float64([[1e300, np.inf, 1e-300, 0.0]]), np.ones((1, 4), bool)), 0.5)
@example((np.int32([[16777216, 16777217, 5]]), np.ones((1, 3), bool)), 0.5)
@example((np.int16([[-32768, 32767, -1, 0]]), np.ones((1, 4), bool)), 0.3)
@law(400)
def test_small_images(case: Any, c: float) -> None:
    v, mask = case
    assert same_bits(percentiles(v, mask, c, ThreadPool(1)), expected(v, mask, c))


@pytest.mark.slow
@pytest.mark.parametrize("element", ["int8", "uint16", "int16", "int32", "float32"])
@pytest.mark.parametrize("c", [0.5, 0.3])
def test_a_large_image_in_any_number_of_pieces(element: str, c: float) -> None:
    random = np.random.default_rng(0)
    v = random.integers(-100, 100, (26, 300, 301))
    v = v.astype(element) if element != "float32" else random.normal(size=v.shape).astype("f4")
    mask = random.random(v.shape) < 0.4
    alone, together = ThreadPool(1), ThreadPool(3)
    wanted = expected(v, mask, c)
    assert same_bits(percentiles(v, mask, c, alone), wanted)
    assert same_bits(percentiles(v, mask, c, together), wanted)
    together.close()


@pytest.mark.parametrize("element", ["int16", "float32"])
def test_comparisons_in_any_number_of_pieces(element: str) -> None:
    random = np.random.default_rng(0)
    v = random.integers(-100, 100, (26, 300, 301)).astype(element)
    mask = random.random(v.shape) < 0.4
    ranks = expected(v, mask, 0.5)
    met = [float(ranks[mask][0]), -1.0, 0.1, 0.93, 1e300, float("nan")]
    comparisons = [(name, n) for n in met for name in OPERATORS]
    together = ThreadPool(3)
    found = compared_percentiles(v, mask, 0.5, comparisons, together)
    for (operator, n), each in zip(comparisons, found, strict=True):
        assert same_bits(each, compare(operator, ranks, n))
    together.close()


@pytest.mark.parametrize("element", ["uint8", "int16", "float32"])
def test_strided_images(element: str) -> None:
    v = np.arange(2 * 5 * 6).reshape(2, 5, 6).astype(element).swapaxes(0, 2)[::2]
    mask = np.ones((2, 5, 3), bool).T
    mask[1] = False
    assert same_bits(percentiles(v, mask, 0.5, ThreadPool(1)), expected(v, mask, 0.5))
