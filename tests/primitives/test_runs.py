"""Statistics of many runs at once are bitwise those of each run alone."""

from math import nan

import numpy as np
import pytest

from tests.primitives.test_shape import computed
from voxgpu.codegen.interpreter import BLOCK, halve, tree_sum
from voxgpu.primitives import runs as module
from voxgpu.primitives.masked_statistics import mean_and_spread
from voxgpu.primitives.runs import spread_by_run, sums_by_run
from voxgpu.primitives.shape import label_statistics

LENGTHS = [1, 2, 3, 4, 5, 63, 64, 65, 1000, BLOCK // 2, BLOCK // 2 + 1, BLOCK, BLOCK + 1, 20000]


def runs(seed):
    """Runs of all lengths in any order, of numbers whose sums depend on the order."""
    random = np.random.default_rng(seed)
    sizes = random.permutation(LENGTHS * 2)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    count = int(sizes.sum())
    numbers = random.normal(0, 1, count) * 10.0 ** random.integers(-8, 9, count)
    numbers[random.random(count) < 0.1] = -0.0
    return numbers, starts, [numbers[a : a + n] for a, n in zip(starts, sizes, strict=True)]


def same_bits(a, b):
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return (a.view(np.uint64) == b.view(np.uint64)).all()


@pytest.mark.parametrize("seed", range(3))
def test_each_run_is_as_alone(seed):
    numbers, starts, each = runs(seed)
    assert same_bits(sums_by_run(numbers, starts), [tree_sum(run) for run in each])
    sizes, mean, spread, least, greatest = spread_by_run(numbers, starts)
    alone = [mean_and_spread(run) for run in each]
    assert sizes.tolist() == [run.size for run in each]
    assert same_bits(mean, [mean for mean, _ in alone])
    assert same_bits(spread, [spread for _, spread in alone])
    assert same_bits(least, [run.min() + 0.0 for run in each])
    assert same_bits(greatest, [run.max() + 0.0 for run in each])


def test_negative_zeros_and_what_is_not_finite():
    numbers = np.array([-0.0, -0.0, -0.0, nan, 1, np.inf, 2, np.inf, -np.inf, nan, nan, 5, 7])
    starts = np.array([0, 1, 3, 5, 7, 9, 11])
    sizes, mean, spread, least, greatest = spread_by_run(numbers, starts)
    assert sizes.tolist() == [1, 2, 2, 2, 2, 2, 2]
    assert same_bits(mean[:2], [0, 0]) and same_bits(least[:2], [0, 0])
    np.testing.assert_array_equal(mean[2:], [nan, np.inf, nan, nan, 6])
    np.testing.assert_array_equal(spread, [0, 0, nan, nan, nan, nan, 2**0.5])
    np.testing.assert_array_equal(least[2:], [1, 2, -np.inf, nan, 5])
    np.testing.assert_array_equal(greatest[2:], [1, np.inf, np.inf, nan, 7])


def test_no_run_is_padded_to_more_than_twice_its_numbers(monkeypatch):
    added = []

    def counted(work):
        def call(values):
            added.append(-(-values.size // BLOCK) * BLOCK if work is tree_sum else values.size)
            return work(values)

        return call

    monkeypatch.setattr(module, "tree_sum", counted(tree_sum))
    monkeypatch.setattr(module, "halve", counted(halve))
    numbers, starts, _ = runs(0)
    sums_by_run(numbers, starts)
    assert numbers.size <= sum(added) <= 2 * numbers.size
    added.clear()
    labels = np.arange(1 << 16, dtype=np.int32).reshape(1, 256, 256) + 1
    assert len(computed(label_statistics, labels, labels)) == 1 << 16
    assert len(added) < 10 and sum(added) == 2 << 16, "sums of numbers, and of squares"
