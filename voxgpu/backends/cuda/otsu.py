"""Otsu's threshold on a device, see ``kernels/otsu.cu`` and ``kernels/percentiles.cu``."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.backends.cuda.histogram import SmallValues, as_numbers, copies_of, is_small
from voxgpu.backends.cuda.launch import Array, Device, blocks_of
from voxgpu.backends.cuda.registry import CheckedImage, implements
from voxgpu.primitives import intensity_ranks
from voxgpu.primitives.otsu_reference import bin_edges, no_finite_value
from voxgpu.primitives.primitive import UndefinedValueError

#: Threads of a block, voxels that it has at least, and blocks of a multiprocessor.
THREADS, FEWEST_VOXELS, BLOCKS_EACH = 512, 8192, 4


@implements(intensity_ranks.otsu, scratch=4, libraries=("otsu", "percentiles"))
def checked_otsu(v: Array, mask: Array, bins: float, device: Device) -> CheckedImage:
    """The primitive ``otsu``; raises UndefinedValueError if ``bins`` is invalid."""
    message = intensity_ranks.bins_problem(v, mask, bins)
    if message:
        raise UndefinedValueError(message)
    return CheckedImage(*otsu(v, mask, bins, device), problem)


def otsu(v: Array, mask: Array, bins: float, device: Device) -> tuple[Array, Array]:
    """The primitive of that name, bool; and numbers that ``problem`` tells from what was wrong.

    v     shape (z, y, x) or (y, x), of any element
    mask  bool, of the same shape
    bins  a whole number of at least 2

    The image means nothing where there is a problem.
    """
    above = _above_by_value if is_small(v) else _above_by_number
    return above(v, mask, int(bins), device)


def problem(numbers: npt.NDArray[np.float64]) -> UndefinedValueError | None:
    """Returns the reference's error if the threshold is undefined, else None.

    numbers  how many finite voxels the mask has, the least, the greatest, and the number of bins
    """
    count, least, greatest, bins = (float(each) for each in numbers)
    if not count:
        return no_finite_value()
    try:
        bin_edges(least, greatest, int(bins))
    except UndefinedValueError as found:
        return found
    return None


def _above_by_value(v: Array, mask: Array, bins: int, device: Device) -> tuple[Array, Array]:
    """Computes it by counting every value of a small element."""
    small = SmallValues(v)
    counts = small.counts(mask, device)
    table = device.empty((small.count,), np.uint8)
    frequencies = device.zeros((bins,), np.uint64)
    numbers, _ = _split(
        "otsu_split_values", bins,
        (counts, np.int32(small.count), np.int32(small.first), np.int64(bins), frequencies),
        (table,), device,
    )  # fmt: skip
    return small.decided(mask, table, [False], device)[0], numbers


def _above_by_number(v: Array, mask: Array, bins: int, device: Device) -> tuple[Array, Array]:
    """Computes it by sorting numbers into bins."""
    values, n = as_numbers(v, device), np.int64(v.size)
    found, frequencies = device.zeros((3,), np.uint64), device.zeros((bins,), np.uint64)
    blocks = blocks_of(v.size, FEWEST_VOXELS, BLOCKS_EACH * device.multiprocessors)
    device.launch("otsu", "otsu_range", blocks, THREADS, values, mask, n, found)
    copies = copies_of(bins)
    device.launch(
        "otsu", "otsu_bins", blocks, THREADS, values, mask, n, found, np.int64(bins),
        np.int32(copies), frequencies, shared=4 * bins * (1 + copies) if copies else 4,
    )  # fmt: skip
    told = (found, np.int64(bins), frequencies)
    numbers, threshold = _split("otsu_split", bins, told, (), device)
    out = device.empty(tuple(v.shape), np.bool_)
    whole = blocks_of(v.size, 4 * THREADS)
    device.launch("otsu", "otsu_above", whole, THREADS, values, mask, n, threshold, out)
    return out, numbers


def _split(
    kernel: str, bins: int, inputs: tuple[Any, ...], outputs: tuple[Any, ...], device: Device
) -> tuple[Array, Array]:
    """Returns the numbers for ``problem``, and the threshold."""
    classes = device.empty((2 * bins,), np.float64)
    numbers, threshold = device.empty((4,), np.float64), device.empty((1,), np.float32)
    device.launch("otsu", kernel, 1, THREADS, *inputs, classes, numbers, threshold, *outputs)
    return numbers, threshold
