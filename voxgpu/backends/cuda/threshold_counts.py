"""Counts of voxels beyond each of many thresholds, see ``kernels/threshold_counts.cu``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from voxgpu.backends.cuda import fused_kernels
from voxgpu.backends.cuda.device import CudaDevice
from voxgpu.backends.cuda.histogram import SmallValues, as_numbers, copies_of, is_small, operations
from voxgpu.backends.cuda.launch import THREADS, Array, Device, blocks_of
from voxgpu.backends.cuda.registry import implements
from voxgpu.codegen.count_kernel import AT_ONCE, counting
from voxgpu.codegen.cuda_renderer import CudaKernel
from voxgpu.codegen.integers import WHOLE
from voxgpu.float32 import as_float32
from voxgpu.image import Grid
from voxgpu.primitives import internal

Comparisons = Sequence[tuple[str, float]]

#: Threads of a block that counts, voxels that it has at least, and blocks of a multiprocessor.
COUNTING_THREADS, FEWEST_VOXELS, BLOCKS_EACH = 512, 8192, 4


@implements(internal.threshold_count, scratch=4, libraries=("threshold_counts", "percentiles"))
def threshold_count(v: Array, nodes: Sequence[tuple[float, str]], device: CudaDevice) -> Array:
    """The primitive for a batch of nodes, each with its number and operator: float64."""
    comparisons = [(operator, n) for n, operator in nodes]
    if np.dtype(v.dtype).name in WHOLE:
        return _count_whole(v, comparisons, device)
    return count_thresholds(v, comparisons, device)


def _count_whole(v: Array, comparisons: Comparisons, device: CudaDevice) -> Array:
    """The counts for whole numbers of 32 and 64 bits: many comparisons in each pass."""
    counts = device.empty((len(comparisons),), np.float64)
    for start in range(0, len(comparisons), AT_ONCE):
        some = comparisons[start : start + AT_ONCE]
        kernel = counting(np.dtype(v.dtype).name, tuple(operator for operator, _ in some))
        generated = CudaKernel(kernel, tuple((each, None) for each in kernel.reductions))
        operands = [fused_kernels.parameter(number, None, "f64") for _, number in some]
        into = counts[start : start + AT_ONCE]
        fused_kernels.launch(generated, [v], operands, Grid.regular(v.shape), device, into)
    return counts


def count_thresholds(v: Array, comparisons: Comparisons, device: Device) -> Array:
    """Counts, for each operator and number, the voxels with ``v operator number``: float64.

    v  shape (z, y, x) or (y, x); of any element but whole numbers of 32 and 64 bits, which are
       not rounded to float32

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
    """Counts the voxels in each of the classes between ascending thresholds: uint64."""
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
    """Sums the counts of the classes whose number, from ``first``, satisfies a comparison."""
    result = device.empty((len(comparisons),), np.float64)
    told = operations(comparisons, device)
    device.launch(
        "threshold_counts", "threshold_counts_sum", len(comparisons), THREADS, counts,
        np.int32(counts.size), np.int32(first), *told, result,
    )  # fmt: skip
    return result
