"""How many voxels compare so with each of many numbers? See ``kernels/threshold_counts.cu``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from voxgpu.backends.cuda.histogram import SmallValues, as_numbers, copies_of, is_small, operations
from voxgpu.backends.cuda.launch import THREADS, Array, Device, blocks_of
from voxgpu.float32 import as_float32

Comparisons = Sequence[tuple[str, float]]

#: Threads of a block that counts, voxels that it has at least, and blocks of a multiprocessor.
COUNTING_THREADS, FEWEST_VOXELS, BLOCKS_EACH = 512, 8192, 4


def count_thresholds(v: Array, comparisons: Comparisons, device: Device) -> Array:
    """For each operator and number, how many voxels of ``v`` compare so: float64.

    v  shape (z, y, x) or (y, x); of any element but whole numbers of 32 and 64 bits, which are
       not rounded to float32, see ``joint.py``

    The operators are those of ``voxgpu.primitives.internal.OPERATORS``, the image on the left.
    """
    if is_small(v):
        small = SmallValues(v)
        return _sums(small.counts(None, device), small.first, comparisons, device)
    numbers = as_float32([number for _, number in comparisons])
    different = np.unique(numbers[~np.isnan(numbers)] + np.float32(0))
    counts = _class_counts(v, different, device)
    # The numbers that are equal to threshold i are class 2i + 1.
    classes = 2.0 * np.searchsorted(different, numbers) + 1
    asked = [
        (operator, float("nan") if np.isnan(number) else float(its))
        for (operator, _), number, its in zip(comparisons, numbers, classes, strict=True)
    ]
    return _sums(counts, 0, asked, device)


def _class_counts(v: Array, different: Array, device: Device) -> Array:
    """How many voxels are in each of the classes that ascending thresholds make: uint64."""
    k = len(different)
    counts = device.zeros((2 * k + 1,), np.uint64)
    if not k:  # nothing compares with NaN
        return counts
    copies = copies_of(2 * k + 1)
    blocks = blocks_of(v.size, FEWEST_VOXELS, BLOCKS_EACH * device.multiprocessors)
    device.launch(
        "threshold_counts", "threshold_counts_rank", blocks, COUNTING_THREADS,
        as_numbers(v, device), np.int64(v.size), device.constant(different), np.int32(k),
        np.int32(copies), counts, shared=4 * (k + (2 * k + 1) * copies) if copies else 4,
    )  # fmt: skip
    return counts


def _sums(counts: Array, first: int, comparisons: Comparisons, device: Device) -> Array:
    """Sums of those counts whose number, counted from ``first``, compares so."""
    result = device.empty((len(comparisons),), np.float64)
    told = operations(comparisons, device)
    device.launch(
        "threshold_counts", "threshold_counts_sum", len(comparisons), THREADS, counts,
        np.int32(counts.size), np.int32(first), *told, result,
    )  # fmt: skip
    return result
