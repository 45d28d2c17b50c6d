"""Statistics of each of many runs of numbers, in time that grows with all numbers together.

A run is what lies between two ``starts`` of a row of numbers in float64. No run is empty.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.codegen.interpreter import BLOCK, halve, tree_sum

#: The most numbers, with their padding, that are added up at once.
_AT_ONCE = 1 << 20

Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]


def spread_by_run(numbers: Numbers, starts: Places) -> tuple[npt.NDArray[Any], ...]:
    """Each run's length, mean, standard deviation as of a sample, least and greatest number.

    The bits are those of `masked.mean_and_spread` of each run. Least and greatest leave NaN out
    and are never −0. A standard deviation is 0 of one number, NaN where one is NaN or infinite.
    """
    sizes = np.diff(np.append(starts, numbers.size))
    least, greatest = np.fmin.reduceat(numbers, starts), np.fmax.reduceat(numbers, starts)
    with np.errstate(invalid="ignore", over="ignore"):  # of infinities
        mean = sums_by_run(numbers, starts) / sizes
        squares = (numbers - np.repeat(mean, sizes)) ** 2
        spread = np.sqrt(sums_by_run(squares, starts) / np.maximum(sizes - 1, 1))
    spread[sizes == 1] = 0.0
    spread[~np.logical_and.reduceat(np.isfinite(numbers), starts)] = np.nan
    return sizes, mean, spread, least + 0.0, greatest + 0.0


def sums_by_run(numbers: Numbers, starts: Places) -> Numbers:
    """The `tree_sum` of each run, to the bit.

    A run shorter than a block is not padded to a block but to a power of two: the zeros left out
    would change nothing, but for −0, which becomes 0 when one is added. Runs of one padded length
    are added up together.
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
