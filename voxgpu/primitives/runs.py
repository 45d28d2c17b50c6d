"""Statistics of many runs of numbers at once, in time linear in their total length.

A run is the part between two ``starts`` of an array of float64 numbers. No run is empty.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.codegen.interpreter import BLOCK, halve, tree_sum

#: The most numbers, with their padding, that are summed at once.
_AT_ONCE = 1 << 20

Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]


def spread_by_run(numbers: Numbers, starts: Places) -> tuple[npt.NDArray[Any], ...]:
    """Each run's length, mean, sample standard deviation, least and greatest number.

    The results are bitwise those of `masked_statistics.mean_and_spread` of each run. Least and
    greatest ignore NaN and are never −0. The standard deviation of one number is 0; it is NaN if
    any number is NaN or infinite.
    """
    sizes = np.diff(np.append(starts, numbers.size))
    least, greatest = np.fmin.reduceat(numbers, starts), np.fmax.reduceat(numbers, starts)
    mean = sums_by_run(numbers, starts) / sizes
    squares = (numbers - np.repeat(mean, sizes)) ** 2
    spread = np.sqrt(sums_by_run(squares, starts) / np.maximum(sizes - 1, 1))
    spread[sizes == 1] = 0.0
    spread[~np.logical_and.reduceat(np.isfinite(numbers), starts)] = np.nan
    return sizes, mean, spread, least + 0.0, greatest + 0.0


def sums_by_run(numbers: Numbers, starts: Places) -> Numbers:
    """The `tree_sum` of each run, bitwise.

    A run shorter than a block is padded to a power of two only: the omitted zeros would change
    nothing, except −0, which becomes 0 when one is added. Runs of the same padded length are summed
    together.
    """
    sizes = np.diff(np.append(starts, numbers.size))
    sums = np.empty(len(starts))
    for each in np.flatnonzero(sizes > BLOCK // 2):
        sums[each] = tree_sum(numbers[starts[each] : starts[each] + sizes[each]])
    lower, width = 0, 1
    while width <= BLOCK // 2:
        every = np.flatnonzero((sizes > lower) & (sizes <= width))
        for first in range(0, len(every), _AT_ONCE // width):
            some = every[first : first + _AT_ONCE // width]
            columns = np.arange(width)
            within = columns < sizes[some, None]
            places = np.where(within, starts[some, None] + columns, 0)
            sums[some] = halve(np.where(within, numbers[places], 0.0) + 0.0)
        lower, width = width, 2 * width
    return sums
