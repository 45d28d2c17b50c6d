"""Counts of voxels beyond each of many thresholds, see ``kernels/threshold_counts.py``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.backends.cpu.percentiles import bits_of, numbers_of_bits
from voxgpu.backends.cpu.registry import implements
from voxgpu.backends.thread_pool import ThreadPool, slabs
from voxgpu.codegen.compile import run_kernel
from voxgpu.codegen.count_kernel import AT_ONCE, counting
from voxgpu.codegen.integer_interpreter import is_whole
from voxgpu.codegen.integers import SHORT
from voxgpu.codegen.numba_kernels import kernel
from voxgpu.float32 import as_float32
from voxgpu.primitives import internal

Array = npt.NDArray[Any]


@implements(internal.threshold_count, scratch=1)
def threshold_count(v: Array, nodes: Sequence[tuple[float, str]], pool: ThreadPool) -> list[float]:
    """The primitive for a batch of nodes, each with its number and operator."""
    return count_thresholds(v, [(operator, n) for n, operator in nodes], pool)


def count_thresholds(
    v: Array, comparisons: Sequence[tuple[str, float]], pool: ThreadPool
) -> list[float]:
    """Counts, for each operator and number, the voxels with ``v operator number``.

    The operators are those of ``voxgpu.primitives.internal.OPERATORS``, the image on the left.
    """
    if is_whole(v):
        return _one_by_one(v, comparisons, pool)
    numbers = as_float32([number for _, number in comparisons])
    flat = v.reshape(-1)
    if v.dtype.name in SHORT:
        below, at_most, ordered = _from_histogram(flat, numbers, pool)
    else:
        below, at_most, ordered = _from_keys(flat, numbers, pool)
    counts = []
    for (operator, _), number, b, m in zip(comparisons, numbers, below, at_most, strict=True):
        found = {
            "less": b,
            "less_equal": m,
            "greater": ordered - m,
            "greater_equal": ordered - b,
            "equal": m - b,
            "not_equal": ordered - (m - b),
        }
        counts.append(0.0 if np.isnan(number) else float(found[operator]))
    return counts


def _one_by_one(
    v: Array, comparisons: Sequence[tuple[str, float]], pool: ThreadPool
) -> list[float]:
    """The counts for integers of 32 and 64 bits: many comparisons in each pass."""
    counts: list[float] = []
    for start in range(0, len(comparisons), AT_ONCE):
        some = comparisons[start : start + AT_ONCE]
        counts_of = counting(v.dtype.name, tuple(operator for operator, _ in some))
        _, found = run_kernel(counts_of, [v], [number for _, number in some], v.shape, pool)
        counts += map(float, found)
    return counts


def _from_histogram(flat: Array, numbers: Array, pool: ThreadPool) -> tuple[Array, Array, int]:
    """For each number, the voxels less than it and at most it; and the number of voxels."""
    bits, values = bits_of(flat), numbers_of_bits(flat.dtype)
    count = kernel("threshold_counts", f"histogram_{bits.dtype}")
    tables = 4 if bits.itemsize == 1 else 2

    def part(bounds: tuple[int, int]) -> Array:
        some, counts = bits[slice(*bounds)], np.zeros(tables * len(values), np.int64)
        count(len(some), some, counts)
        total: Array = counts.reshape(tables, -1).sum(axis=0)
        return total

    totals = sum(pool.map(part, slabs(len(bits), 1)), np.zeros(len(values), np.int64))
    order = np.argsort(values, kind="stable")
    ascending = values[order]
    cumulated = np.concatenate(([0], np.cumsum(totals[order])))
    below = cumulated[np.searchsorted(ascending, numbers, side="left")]
    at_most = cumulated[np.searchsorted(ascending, numbers, side="right")]
    return below, at_most, len(flat)


def _from_keys(flat: Array, numbers: Array, pool: ThreadPool) -> tuple[Array, Array, int]:
    """The same for any element; NaN is not counted."""
    keys = np.unique(_keys(numbers[~np.isnan(numbers)]))
    # A threshold "at or below" for its key counts what is at least it, for the key after it what
    # is greater; both kinds are asked at once.
    wanted = np.unique(np.concatenate((keys.astype(np.int64), keys.astype(np.int64) + 1)))
    wanted = wanted[wanted <= np.iinfo(np.int32).max].astype(np.int32)
    upper = np.arange(-32768, 32768, dtype=np.int64) << 16
    lows = np.searchsorted(wanted, upper, side="right").astype(np.int32)
    highs = np.searchsorted(wanted, upper + 0xFFFF, side="right").astype(np.int32)
    rank = kernel("threshold_counts", "rank_keys")

    def part(bounds: tuple[int, int]) -> Array:
        values = flat[slice(*bounds)]
        bits = as_float32(values).view(np.int32)
        counts = np.zeros(len(wanted) + 1, np.int64)
        rank(len(bits), bits, lows, highs, wanted, counts)
        return counts

    totals = sum(pool.map(part, slabs(len(flat), 1)), np.zeros(len(wanted) + 1, np.int64))
    ordered = int(totals.sum())
    cumulated = np.cumsum(totals)
    asked = _keys(np.where(np.isnan(numbers), np.float32(0), numbers)).astype(np.int64)
    # cumulated[i] voxels lie below wanted[i].
    below = cumulated[np.searchsorted(wanted, asked)]
    at_most = cumulated[np.searchsorted(wanted, asked + 1)]
    return below, at_most, ordered


def _keys(numbers: Array) -> npt.NDArray[np.int32]:
    """Maps numbers to integers of the same order; −0 is 0."""
    bits = (numbers.astype(np.float32) + np.float32(0)).view(np.int32)
    return bits ^ ((bits >> np.int32(31)) & np.int32(0x7FFFFFFF))
