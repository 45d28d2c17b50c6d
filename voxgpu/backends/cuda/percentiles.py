"""Percentile ranks on a device: by counts of small values, or by sorting numbers.

See ``kernels/percentiles.cu`` for values of 8 and 16 bits, ``kernels/percentiles_runs.cu`` and
``percentiles_sort.cu`` for other numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from voxgpu.backends.cuda.histogram import (
    IMAGES,
    LIBRARY,
    OPERATIONS,
    SmallValues,
    as_numbers,
    is_small,
    operations,
    targets,
)
from voxgpu.backends.cuda.launch import THREADS, Array, Device, blocks_of
from voxgpu.backends.cuda.registry import implements
from voxgpu.float32 import nearest_float32
from voxgpu.primitives import intensity_ranks, internal
from voxgpu.primitives.intensity_ranks import OUTSIDE
from voxgpu.primitives.internal import compare
from voxgpu.primitives.primitive import UndefinedValueError

Comparisons = Sequence[tuple[str, float]]

#: Values of small elements that a block makes the table of.
KEYS_OF_BLOCK = 8 * THREADS

#: What blocks take at once: voxels to make keys of, keys to sort, keys to rank.
MADE, TILE, RANKED = 2048, 4096, 1024

#: Blocks of a multiprocessor that make keys or rank them, and that sort.
BLOCKS_EACH, SORTING_BLOCKS_EACH = 8, 4

#: Different digits; a pass of sorting has one.
DIGITS, SHIFTS = 256, (0, 8, 16, 24)

#: Elements for which devices have no kernel: keys have 32 bits, and no number may be rounded.
ON_HOST = ("int64", "uint64")

#: Places of voxels are numbers of 32 bits where they are sorted.
MOST_SORTED = 1 << 32


@implements(
    intensity_ranks.percentiles, scratch=24, libraries=("percentiles",), on_reference=ON_HOST
)
def percentiles(v: Array, mask: Array, c: float, device: Device) -> Array:
    """The primitive of that name: float32.

    v     shape (z, y, x) or (y, x), of any element but integers of 64 bits
    mask  bool, of the same shape
    """
    if not is_small(v):
        return _sorted_ranks(v, mask, c, device)
    small = SmallValues(v)
    table = device.empty((small.count,), np.float32)
    _make_table("percentiles_ranks", small, mask, c, device, table)
    return small.looked_up(mask, table, OUTSIDE, device)


@implements(
    internal.percentile_compare, scratch=24, libraries=("percentiles",), on_reference=ON_HOST
)
def percentile_compare(
    v: Array, mask: Array, c: float, nodes: Sequence[tuple[float, str]], device: Device
) -> list[Array]:
    """The primitive for a batch of nodes, each with its number and operator."""
    return compared_percentiles(v, mask, c, [(operator, n) for n, operator in nodes], device)


def compared_percentiles(
    v: Array, mask: Array, c: float, comparisons: Comparisons, device: Device
) -> list[Array]:
    """Compares the percentiles with each number: ``percentiles operator number``.

    The operators are those of ``voxgpu.primitives.internal.OPERATORS``. Eight comparisons are
    written in one pass over the voxels.
    """
    if not comparisons:
        return []
    if is_small(v):
        return _compared_values(v, mask, c, comparisons, device)
    if len(comparisons) == 1:
        return [_sorted_truths(v, mask, c, comparisons[0], device)]
    return _compared(_sorted_ranks(v, mask, c, device), comparisons, device)


def _make_table(
    kernel: str, small: SmallValues, mask: Array, c: float, device: Device, *arguments: Any
) -> None:
    counts = small.counts(mask, device)
    blocks = blocks_of(small.count, KEYS_OF_BLOCK)
    numbers = (np.int32(small.count), np.float64(c))
    device.launch(LIBRARY, kernel, blocks, THREADS, counts, *numbers, *arguments)


def _compared_values(
    v: Array, mask: Array, c: float, comparisons: Comparisons, device: Device
) -> list[Array]:
    small, many = SmallValues(v), len(comparisons)
    tables = device.empty((-(-many // IMAGES) * small.count,), np.uint8)
    told = operations(comparisons, device)
    _make_table("percentiles_truths", small, mask, c, device, *told, np.int32(many), tables)
    found = []
    for start in range(0, many, IMAGES):
        table = tables[start // IMAGES * small.count :][: small.count]
        outside = [_truth(OUTSIDE, each) for each in comparisons[start : start + IMAGES]]
        found += small.decided(mask, table, outside, device)
    return found


def _compared(ranks: Array, comparisons: Comparisons, device: Device) -> list[Array]:
    """Compares known ranks with numbers."""
    operators, numbers = operations(comparisons, device)
    found: list[Array] = []
    for start in range(0, len(comparisons), IMAGES):
        part = slice(start, min(start + IMAGES, len(comparisons)))
        outs = [device.empty(tuple(ranks.shape), np.bool_) for _ in comparisons[part]]
        device.launch(
            LIBRARY, "percentiles_compare", blocks_of(ranks.size, IMAGES * THREADS), THREADS, ranks,
            np.int64(ranks.size), operators[part], numbers[part], *targets(outs),
        )  # fmt: skip
        found += outs
    return found


def _truth(rank: float, comparison: tuple[str, float]) -> bool:
    operator, number = comparison
    return bool(compare(operator, np.array([rank], np.float32), number)[0])


def _sorted_ranks(v: Array, mask: Array, c: float, device: Device) -> Array:
    """Ranks by sorting, for elements with too many values to count."""
    out = device.empty(tuple(v.shape), np.float32)
    # A NaN of the mask is above nothing and equal to nothing.
    others = (np.float32(OUTSIDE), np.float32(0.0))
    _write_runs("ranks", v, mask, c, others, (), out, device)
    return out


def _sorted_truths(
    v: Array, mask: Array, c: float, comparison: tuple[str, float], device: Device
) -> Array:
    """Compares such ranks with one number."""
    out = device.empty(tuple(v.shape), np.bool_)
    others = tuple(np.int32(_truth(rank, comparison)) for rank in (OUTSIDE, 0.0))
    operator, number = comparison
    asked = (np.int32(OPERATIONS[operator]), nearest_float32(number))
    _write_runs("truths", v, mask, c, others, asked, out, device)
    return out


def _write_runs(
    kind: str,
    v: Array,
    mask: Array,
    c: float,
    others: tuple[Any, ...],
    comparison: tuple[Any, ...],
    out: Array,
    device: Device,
) -> None:
    """Writes the ranks of sorted numbers, or their comparison with a number.

    others  what is written outside the mask, and for NaN in it
    """
    n = v.size
    if n >= MOST_SORTED:
        raise UndefinedValueError(
            f"percentiles of {n} voxels that are no integers of 8 or 16 bits: on a device at most "
            f"{MOST_SORTED - 1} can be sorted; crop the image, or compute this on the CPU"
        )
    keys, places = (device.empty((n,), np.uint32) for _ in range(2))
    state = device.zeros((2,), np.uint64)
    most = BLOCKS_EACH * device.multiprocessors
    if v.dtype.kind in "iu":
        made, flip = "whole", np.uint32(1 << 31 if v.dtype.kind == "i" else 0)
        numbers: tuple[Any, ...] = (v.reshape(-1).view(np.uint32), flip)
    else:
        made, numbers = "keys", (as_numbers(v, device),)
    device.launch(
        "percentiles_runs", f"percentiles_runs_{made}_{kind}", blocks_of(n, MADE, most), THREADS,
        *numbers, mask, np.int64(n), *others, keys, places, state, out,
    )  # fmt: skip
    keys, places = _sort(keys, places, state, device)
    device.launch(
        "percentiles_runs", f"percentiles_runs_{kind}", blocks_of(n, RANKED, most), THREADS, keys,
        places, state, np.float64(c), *comparison, out,
    )  # fmt: skip


def _sort(keys: Array, places: Array, state: Array, device: Device) -> tuple[Array, Array]:
    """Sorts ``state[0]`` keys with their places; returns both, in these arrays or others."""
    blocks = blocks_of(keys.size, TILE, SORTING_BLOCKS_EACH * device.multiprocessors)
    counts, totals = (device.empty((DIGITS * each,), np.uint32) for each in (blocks, 1))
    others = [device.empty(tuple(keys.shape), np.uint32) for _ in range(2)]

    def launch(name: str, of_blocks: int, *arguments: Any) -> None:
        device.launch(
            "percentiles_sort", f"percentiles_sort_{name}", of_blocks, THREADS, *arguments
        )

    for shift in map(np.int32, SHIFTS):
        launch("count", blocks, keys, shift, state, counts)
        launch("scan", DIGITS * 32 // THREADS, counts, np.int32(blocks), totals)
        launch("scatter", blocks, keys, places, shift, state, counts, totals, *others)
        (keys, places), others = others, [keys, places]
    return keys, places
