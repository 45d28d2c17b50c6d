"""Functions of sequences handle NaN uniformly, and do not depend on the order of the numbers."""

from __future__ import annotations

from itertools import permutations
from math import inf, isnan, nan

import pytest

from voxgpu.primitives import sequence_statistics

NUMBERS = (3.0, nan, -1.0, 3.0, nan)


def test_any_number_that_is_none_makes_mean_median_and_deviation_none() -> None:
    for name in ("mean", "median", "standard_deviation"):
        function = getattr(sequence_statistics, name).function
        for xs in permutations(NUMBERS):
            assert isnan(function(xs)), (name, xs)
        for xs in ((nan,), (nan, 1.0), (1.0, nan), (inf, nan, -inf)):
            assert isnan(function(xs)), (name, xs)
        assert not isnan(function((1.0, 2.0)))


@pytest.mark.parametrize("xs", list(permutations((3.0, nan, -1.0))))
def test_least_and_greatest_leave_out_what_is_no_number(xs: tuple[float, ...]) -> None:
    assert (
        sequence_statistics.maximum_of.function(xs) == 3
        and sequence_statistics.minimum_of.function(xs) == -1
    )
    assert (
        xs[int(sequence_statistics.argmax.function(xs))] == 3
        and xs[int(sequence_statistics.argmin.function(xs))] == -1
    )
    assert [xs[int(i)] for i in sequence_statistics.argsort.function(xs)][:2] == [-1, 3]
    assert isnan(xs[int(sequence_statistics.argsort.function(xs)[2])])


def test_what_is_no_number_is_counted_together_and_last() -> None:
    for xs in permutations((3.0, float("nan"), -1.0, 3.0, float("nan"))):
        *found, (last, count) = sequence_statistics.count_values.function(xs)
        assert found == [(-1.0, 1.0), (3.0, 2.0)]
        assert isnan(last) and count == 2
    assert sequence_statistics.count_values.function((2.0, 5.0, 2.0)) == ((2.0, 2.0), (5.0, 1.0))
    assert sequence_statistics.count_values.function(()) == ()
