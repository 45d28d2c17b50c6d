"""Statistics within a mask compared with NumPy on the selected voxels."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.primitives.images import masks, numbers, odd_numbers, shapes, ties
from tests.primitives.reference import computed
from voxgpu.primitives.intensity_ranks import MOST_BINS
from voxgpu.primitives.masked_statistics import (
    histogram,
    masked_median,
    masked_percentile,
    masked_standard_deviation,
)
from voxgpu.primitives.primitive import UndefinedValueError, ValueWithWarning

masked = shapes.flatmap(
    lambda shape: st.tuples(numbers(shape, odd_numbers | ties), masks(shape)),
)


def _same(found, expected):
    return found == pytest.approx(expected, rel=1e-12, abs=1e-300, nan_ok=True)


@given(masked)
def test_spread_and_median_are_those_of_the_chosen_voxels(image):
    v, mask = image
    if not mask.any():
        for primitive in (masked_standard_deviation, masked_median):
            with pytest.raises(UndefinedValueError, match="no true voxel"):
                computed(primitive, v, mask)
        return
    chosen = v[mask].astype(np.float64)
    with np.errstate(all="ignore"):
        spread = chosen.std(ddof=1) if chosen.size > 1 else 0.0
        spread = spread if np.isfinite(chosen).all() else math.nan
        median = np.median(chosen)
    assert _same(computed(masked_standard_deviation, v, mask), spread)
    assert _same(computed(masked_median, v, mask), median)


@given(masked, st.floats(1, 100))
def test_percentiles_are_numpys(image, p):
    v, mask = image
    if mask.any():
        with np.errstate(all="ignore"):
            expected = np.percentile(v[mask].astype(np.float64), p)
        assert _same(computed(masked_percentile, v, mask, p), expected)


@pytest.mark.parametrize("p", [-1.0, 100.5, math.nan, math.inf])
def test_a_percentage_beyond_0_to_100_is_refused(p):
    v = np.ones((2, 3), np.float32)
    with pytest.raises(UndefinedValueError, match="from 0 to 100"):
        computed(masked_percentile, v, v > 0, p)


def test_a_fraction_is_told():
    v = np.arange(6, dtype=np.float32).reshape(2, 3)
    found = computed(masked_percentile, v, v >= 0, 0.5)
    assert isinstance(found, ValueWithWarning)
    assert "0.5 percent" in found.reason


def test_extremes_and_median_are_percentiles():
    v = np.array([[5, 1, 9]], np.float32)
    found = [computed(masked_percentile, v, v > 0, p) for p in (0.0, 50.0, 100.0)]
    assert found == [1, 5, 9]
    assert computed(masked_median, v, v > 0) == 5


@given(masked, st.integers(1, 9))
def test_histograms_count_every_voxel_within_the_bounds_once(image, bins):
    v, mask = image
    counts = computed(histogram, v, mask, -2.0, 3.0, float(bins))
    assert len(counts) == bins
    assert sum(counts) == np.count_nonzero(mask & (v >= -2) & (v <= 3))


def test_intervals_have_their_lower_bound_and_the_last_its_upper_too():
    v = np.array([[0, 0.5, 1, 2, 2.5, np.nan]], np.float32)
    assert computed(histogram, v, np.ones_like(v, bool), 0.0, 2.0, 2.0) == (2, 2)


@pytest.mark.parametrize(
    ("low", "high", "bins"),
    [
        (0, 1, 0),
        (0, 1, 1.5),
        (0, 1, MOST_BINS + 1),
        (0, 1, math.nan),
        (1, 1, 3),
        (2, 1, 3),
        (0, math.inf, 3),
        (math.nan, 1, 3),
    ],
)
def test_bounds_and_bins_that_make_no_histogram_are_refused(low, high, bins):
    v = np.ones((2, 3), np.float32)
    with pytest.raises(UndefinedValueError, match="`histogram`"):
        computed(histogram, v, v > 0, float(low), float(high), float(bins))
