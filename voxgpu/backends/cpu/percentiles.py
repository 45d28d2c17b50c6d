"""Percentile ranks on the CPU, see ``kernels/percentiles.py``."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.backends.cpu.registry import implements
from voxgpu.backends.node_use import NodeUse
from voxgpu.backends.thread_pool import ThreadPool, slabs
from voxgpu.codegen.integer_interpreter import is_whole, to_kernel_dtype
from voxgpu.codegen.integers import SHORT
from voxgpu.codegen.numba_kernels import kernel
from voxgpu.float32 import as_float32
from voxgpu.primitives import intensity_ranks, internal
from voxgpu.primitives.intensity_ranks import OUTSIDE
from voxgpu.primitives.intensity_ranks import percentiles as reference
from voxgpu.primitives.internal import compare

#: Places of voxels are numbers of 32 bits where they are sorted; more are left to the reference.
MOST_SORTED = 1 << 32

#: Values of a digit of the sort.
DIGITS = 1 << 11

#: Numbers that a thread sorts at least.
LEAST_PART = 1 << 16

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]


def _scratch_of_ranks(use: NodeUse) -> float:
    """Little for a table of all values; for others, places and numbers that are sorted."""
    return 1 if use.elements[0] in SHORT else 16


def _scratch_of_compared_ranks(use: NodeUse) -> float:
    """The same, and the ranks themselves where they are computed."""
    return 1 if use.elements[0] in SHORT else 18


@implements(intensity_ranks.percentiles, scratch=_scratch_of_ranks)
def percentiles(v: Array, mask: Mask, c: float, pool: ThreadPool) -> npt.NDArray[np.float32]:
    """The primitive of that name; ``v`` may be of any element."""
    if _is_small(v):
        table = _ranks_of_values(v, mask, c, pool)
        return looked_up(bits_of(v), mask.reshape(-1), table, OUTSIDE, pool).reshape(v.shape)
    return _sorted_ranks(v, mask, c, pool)


@implements(internal.percentile_compare, scratch=_scratch_of_compared_ranks)
def percentile_compare(
    v: Array, mask: Mask, c: float, nodes: Sequence[tuple[float, str]], pool: ThreadPool
) -> list[Mask]:
    """The primitive for a batch of nodes, each with its number and operator."""
    return compared_percentiles(v, mask, c, [(operator, n) for n, operator in nodes], pool)


def compared_percentiles(
    v: Array, mask: Mask, c: float, comparisons: Sequence[tuple[str, float]], pool: ThreadPool
) -> list[Mask]:
    """Compares the percentiles with each number: ``percentiles operator number``."""
    if not _is_small(v):
        ranks = _sorted_ranks(v, mask, c, pool)
        return [compare(operator, ranks, number) for operator, number in comparisons]
    table = _ranks_of_values(v, mask, c, pool)
    outside = np.array([OUTSIDE], np.float32)
    bits, chosen = bits_of(v), mask.reshape(-1)
    found = []
    for operator, number in comparisons:
        beyond = int(compare(operator, outside, number)[0])
        truths = compare(operator, table, number)
        found.append(looked_up(bits, chosen, truths, beyond, pool).reshape(v.shape))
    return found


def _is_small(v: Array) -> bool:
    return v.dtype.name in SHORT


def bits_of(v: Array) -> Array:
    """Voxels of 8 or 16 bits, reinterpreted as unsigned integers; flat."""
    return np.ascontiguousarray(v).reshape(-1).view(f"uint{8 * v.dtype.itemsize}")


def numbers_of_bits(element: np.dtype[Any]) -> Array:
    """The number of each bit pattern of an element of 8 or 16 bits, as float32."""
    patterns = np.arange(1 << (8 * element.itemsize)).astype(f"uint{8 * element.itemsize}")
    return patterns.view(element).astype(np.float32)


def counts_of_values(bits: Array, chosen: Mask, pool: ThreadPool) -> Array:
    """Counts the voxels of a flat mask for each bit pattern."""
    count, different = kernel("percentiles", f"count_{bits.dtype}"), 1 << (8 * bits.itemsize)

    def part(bounds: tuple[int, int]) -> Array:
        counts, place = np.zeros(2 * different, np.int64), slice(*bounds)
        count(bounds[1] - bounds[0], bits[place], chosen[place], different, counts)
        total: Array = counts[:different] + counts[different:]
        return total

    return sum(pool.map(part, slabs(len(bits), 1)), np.zeros(different, np.int64))


def looked_up(
    bits: Array, chosen: Mask, table: Array, outside: float, pool: ThreadPool
) -> npt.NDArray[Any]:
    """The table's entry for each voxel of a flat mask, ``outside`` elsewhere: float32 or bool."""
    name = "decide" if table.dtype == np.bool_ else "look_up"
    look_up = kernel("percentiles", f"{name}_{bits.dtype}")
    out = pool.empty(bits.shape, table.dtype)

    def part(bounds: tuple[int, int]) -> None:
        place = slice(*bounds)
        look_up(bounds[1] - bounds[0], bits[place], chosen[place], table, outside, out[place])

    pool.map(part, slabs(len(bits), 1))
    return out


def _ranks_of_values(v: Array, mask: Mask, c: float, pool: ThreadPool) -> Array:
    """The rank of every value of an element, indexed by its bit pattern."""
    totals = counts_of_values(bits_of(v), mask.reshape(-1), pool)
    # Negative numbers have the greater bits, and come first.
    different = len(totals)
    order = np.roll(np.arange(different), different // 2 if v.dtype.kind == "i" else 0)
    equal = totals[order]
    lower = np.cumsum(equal) - equal
    ranks = c * equal
    ranks += lower
    ranks /= int(totals.sum()) or 1
    table = np.empty(different, np.float32)
    table[order] = ranks.astype(np.float32)
    return table


def _sorted_ranks(v: Array, mask: Mask, c: float, pool: ThreadPool) -> Array:
    """Ranks by sorting, for elements with too many values to count."""
    if v.size > MOST_SORTED:
        result: Array = reference.function(to_kernel_dtype(v), mask, c)
        return result
    chosen = mask.reshape(-1)
    if is_whole(v):
        bits, flip = _bits_of_whole(v.reshape(-1), chosen)
        make: Any = kernel("percentiles", "make_whole_keys")
        more: tuple[int, ...] = (flip,)
    else:
        bits, more = as_float32(v.reshape(-1)).view(np.int32), ()
        make = kernel("percentiles", "make_keys")
    parts = _parts(len(bits), pool)
    sizes = pool.map(lambda part: int(np.count_nonzero(chosen[slice(*part)])), parts)
    population = sum(sizes)
    keys, places, other_keys, other_places = (
        pool.empty((population,), np.uint32) for _ in range(4)
    )
    digits = np.zeros((len(parts), 3, DIGITS), np.int64)
    begins = np.cumsum([0, *sizes])

    def make_part(index: int) -> tuple[int, int]:
        (first, last), begin = parts[index], int(begins[index])
        found = make(
            last - first, first, bits[first:last], *more, chosen[first:last], keys[begin:],
            places[begin:], digits[index].reshape(-1),
        )  # fmt: skip
        return begin, begin + int(found)

    made = pool.map(make_part, range(len(parts)))
    n = sum(last - first for first, last in made)
    counts = digits[:, 0]
    for pass_, shift in enumerate((0, 11, 22)):
        if pass_:
            made = _parts(n, pool)
            counts = _counts_of_digit(keys, shift, made, pool)
        _sort_parts(keys, places, shift, made, counts, other_keys, other_places, pool)
        keys, places, other_keys, other_places = other_keys, other_places, keys, places
    out: Array = pool.empty(bits.shape, np.float32)

    def clear(part: tuple[int, int]) -> None:
        out[slice(*part)] = OUTSIDE
        # A NaN of the mask is above nothing and equal to nothing.
        np.copyto(out[slice(*part)], 0.0, where=chosen[slice(*part)])

    pool.map(clear, parts)
    write = kernel("percentiles", "write_ranks")

    def write_part(part: tuple[int, int]) -> None:
        first, last = part
        write(last - first, first, float(population), c, keys[first:], places[first:], out)

    # Equal keys have one rank, so that a part ends where a key does.
    cuts = [int(np.searchsorted(keys[:n], keys[last])) for _, last in _parts(n, pool)[:-1]]
    pool.map(write_part, list(pairwise([0, *cuts, n])))
    return out.reshape(v.shape)


def _parts(length: int, pool: ThreadPool) -> list[tuple[int, int]]:
    """Ranges of equal length, as many as there are threads."""
    step = max(LEAST_PART, -(-length // pool.count))
    return [(first, min(length, first + step)) for first in range(0, max(1, length), step)]


def _counts_of_digit(
    keys: Array, shift: int, parts: Sequence[tuple[int, int]], pool: ThreadPool
) -> Array:
    """How often each digit occurs in each part of the keys, (parts, digits)."""
    counts = np.zeros((len(parts), DIGITS), np.int64)
    count = kernel("percentiles", "count_digit")

    def count_part(index: int) -> None:
        first, last = parts[index]
        count(last - first, shift, keys[first:], counts[index])

    pool.map(count_part, range(len(parts)))
    return counts


def _sort_parts(
    keys: Array,
    places: Array,
    shift: int,
    parts: Sequence[tuple[int, int]],
    counts: Array,
    sorted_keys: Array,
    sorted_places: Array,
    pool: ThreadPool,
) -> None:
    """Sorts all keys by one digit, stably, each part on a thread; ``counts`` of (parts, digits)."""
    # Keys of one digit come in the order of the parts, behind those of all smaller digits.
    ends = np.cumsum(counts.T.reshape(-1)).reshape(DIGITS, len(parts)).T
    starts = np.ascontiguousarray(ends - counts)
    sort = kernel("percentiles", "sort_digit")

    def sort_part(index: int) -> None:
        first, last = parts[index]
        sort(
            last - first, shift, keys[first:], places[first:], starts[index], sorted_keys,
            sorted_places,
        )  # fmt: skip

    pool.map(sort_part, range(len(parts)))


def _bits_of_whole(flat: Array, chosen: Array) -> tuple[npt.NDArray[np.uint32], int]:
    """Maps integers to uint32 that order alike once a bit is flipped; returns them and that bit.

    Numbers of 64 bits are numbered by their order among those of the mask.
    """
    if flat.dtype.itemsize == 4:
        bits = np.ascontiguousarray(flat).view(np.uint32)
        return bits, 1 << 31 if flat.dtype.kind == "i" else 0
    numbered = np.zeros(flat.shape, np.uint32)
    numbered[chosen] = np.unique(flat[chosen], return_inverse=True)[1]
    return numbered, 0
