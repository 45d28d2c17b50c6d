"""Reductions compared with their definition, including the order of sums."""

import math

import numpy as np
import pytest
from hypothesis import given

from tests.primitives.images import masks, numbers
from tests.primitives.reference import computed
from voxgpu.codegen.interpreter import BLOCK, tree_sum
from voxgpu.primitives.primitive import UndefinedValueError
from voxgpu.primitives.reductions import average, maximum, minimum, volume


def by_halves(terms):
    """The sum of a power of two of terms: first half plus second half, term by term."""
    while len(terms) > 1:
        half = len(terms) // 2
        terms = [a + b for a, b in zip(terms[:half], terms[half:], strict=True)]
    return terms[0]


def in_blocks(terms):
    """Blocks of 4096 by halving, then the row of their sums, padded with zeros."""
    terms = terms + [0.0] * (-len(terms) % BLOCK)
    sums = [by_halves(terms[start : start + BLOCK]) for start in range(0, len(terms), BLOCK)]
    while len(sums) & (len(sums) - 1):
        sums.append(0.0)
    return by_halves(sums)


def spread_terms(size):
    """Numbers of many magnitudes, so that different orders of addition round differently."""
    random = np.random.default_rng(size)
    return (random.normal(size=size) * 10.0 ** random.integers(-9, 9, size)).astype(np.float32)


@pytest.mark.parametrize("size", [1, 2, 4095, 4096, 4097, 3 * 4096, 5 * 4096 + 1])
def test_sums_are_formed_in_their_order(size):
    terms = spread_terms(size)
    result = tree_sum(terms)
    assert float(result) == in_blocks([float(each) for each in terms])
    assert float(result) == pytest.approx(math.fsum(terms), rel=1e-9)


def test_the_order_of_sums_matters():
    # Otherwise the test above could not distinguish orders.
    terms = spread_terms(5 * BLOCK)
    one_by_one = 0.0
    for each in terms:
        one_by_one += float(each)
    assert one_by_one != float(tree_sum(terms))


@given(numbers())
def test_extremes_leave_nan_out_and_are_never_minus_zero(v):
    present = [float(each) for each in v.ravel() if not math.isnan(each)]
    for definition, choose in ((minimum, min), (maximum, max)):
        result = computed(definition, v)
        if present:
            assert result == choose(present)
            assert result != 0 or math.copysign(1, result) == 1
        else:
            assert math.isnan(result)


@given(masks())
def test_volume_counts(b):
    assert computed(volume, b) == sum(b.ravel().tolist())


def test_the_average_is_that_of_the_mask():
    v = np.array([[1, 2, np.nan, 4]], dtype=np.float32)
    assert computed(average, v, np.array([[True, True, False, True]])) == 7 / 3


def test_the_average_of_nothing_is_a_problem():
    v = np.ones((2, 2), dtype=np.float32)
    with pytest.raises(UndefinedValueError, match="`mask` has no true voxel"):
        computed(average, v, v > 1)
