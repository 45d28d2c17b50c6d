"""Otsu's threshold on the CPU, see ``kernels/otsu.py`` and ``kernels/percentiles.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.backends.cpu.percentiles import bits_of, counts_of_values, looked_up, numbers_of_bits
from voxgpu.backends.cpu.registry import implements
from voxgpu.backends.thread_pool import ThreadPool, slabs
from voxgpu.codegen.integers import SHORT
from voxgpu.codegen.numba_kernels import kernel
from voxgpu.float32 import as_float32
from voxgpu.primitives import intensity_ranks
from voxgpu.primitives.intensity_ranks import bins_problem
from voxgpu.primitives.otsu_reference import bin_edges, no_finite_value, threshold_of
from voxgpu.primitives.primitive import UndefinedValueError

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]
Parts = list[tuple[int, int]]

#: With fewer voxels for each value that an element has, going through the values takes longer.
VOXELS_A_VALUE = 8


@implements(intensity_ranks.otsu, scratch=1)
def otsu(v: Array, mask: Mask, bins: float, pool: ThreadPool) -> Mask:
    """The primitive of that name; ``v`` may be of any element."""
    problem = bins_problem(v, mask, bins)
    if problem:
        raise UndefinedValueError(problem)
    flat, chosen = v.reshape(-1), mask.reshape(-1)
    above = _above_by_value if _has_few_values(v) else _above_by_number
    return above(flat, chosen, int(bins), pool).reshape(v.shape)


def _has_few_values(v: Array) -> bool:
    small = v.dtype.name in SHORT
    return small and v.size >= VOXELS_A_VALUE << (8 * v.dtype.itemsize)


def _above_by_value(flat: Array, chosen: Mask, bins: int, pool: ThreadPool) -> Mask:
    """The voxels of the mask above the threshold, by counting every value of a small element."""
    bits, numbers = bits_of(flat), numbers_of_bits(flat.dtype)
    threshold = _threshold_of_counts(numbers, counts_of_values(bits, chosen, pool), bins)
    return looked_up(bits, chosen, numbers > threshold, 0, pool)


def _threshold_of_counts(numbers: Array, counts: Array, bins: int) -> np.float32:
    """Otsu's threshold of finite numbers with these frequencies."""
    found = np.flatnonzero(counts)
    if not found.size:
        raise no_finite_value()
    occurring = numbers[found].astype(np.float64)
    lower, upper = bin_edges(float(occurring.min()), float(occurring.max()), bins)
    frequencies = np.zeros(bins, np.int64)
    # The last of the bins that begin at a number gets it, as in the reference.
    np.add.at(frequencies, np.searchsorted(lower, occurring, side="right") - 1, counts[found])
    return threshold_of(frequencies.tolist(), lower, upper)


def _above_by_number(flat: Array, chosen: Mask, bins: int, pool: ThreadPool) -> Mask:
    """The voxels of the mask above the threshold, in two passes; any element."""
    parts = slabs(len(flat), 1)
    least, greatest = _range(flat, chosen, parts, pool)
    lower, upper = bin_edges(least, greatest, bins)
    frequencies = _frequencies(flat, chosen, parts, lower, pool)
    threshold = threshold_of(frequencies, lower, upper)
    out: Mask = pool.empty(flat.shape, np.bool_)

    def part(bounds: tuple[int, int]) -> None:
        place = slice(*bounds)
        np.greater(as_float32(flat[place]), threshold, out=out[place])
        np.logical_and(out[place], chosen[place], out=out[place])

    pool.map(part, parts)
    return out


def _range(flat: Array, chosen: Mask, parts: Parts, pool: ThreadPool) -> tuple[float, float]:
    """The least and the greatest finite number of the mask."""
    search = kernel("otsu", "range_float32")

    def part(bounds: tuple[int, int]) -> tuple[int, float, float]:
        found = np.array([np.inf, -np.inf], np.float32)
        start, stop = bounds
        count = search(stop - start, as_float32(flat[start:stop]), chosen[start:stop], found)
        return count, float(found[0]), float(found[1])

    found = [each for each in pool.map(part, parts) if each[0]]
    if not found:
        raise no_finite_value()
    return min(each[1] for each in found), max(each[2] for each in found)


def _frequencies(
    flat: Array, chosen: Mask, parts: Parts, lower: Array, pool: ThreadPool
) -> list[int]:
    """Counts the finite numbers of the mask in each bin."""
    count, bins, least = kernel("otsu", "count_bins"), len(lower), float(lower[0])
    # Of the edges themselves: what rounds them must not lead the guesses astray.
    span = float(lower[-1]) - least
    scale = (bins - 1) / span if span > 0 else 0.0

    def part(bounds: tuple[int, int]) -> Array:
        counts = np.zeros(bins, np.int64)
        start, stop = bounds
        values = as_float32(flat[start:stop])
        count(stop - start, values, chosen[start:stop], bins, least, scale, lower, counts)
        return counts

    total = sum(pool.map(part, parts), np.zeros(bins, np.int64))
    return [int(each) for each in total]
