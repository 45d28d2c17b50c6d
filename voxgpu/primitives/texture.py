"""Texture: similarity of local histograms, and the gradient magnitude."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.image import Grid, to_3d
from voxgpu.primitives.define import BoolImage, NumberImage, NumberValue, whole_image
from voxgpu.primitives.intensity_ranks import MOST_BINS
from voxgpu.primitives.primitive import UndefinedValueError

#: The approximate number of voxels that are processed at a time.
SLAB_VOXELS = 1 << 19

Numbers = npt.NDArray[np.float32]
Double = npt.NDArray[np.float64]
#: Bin of each voxel, −1 for none.
Bins = npt.NDArray[np.int32]
Halves = tuple[int, ...]
Mask = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.unsignedinteger[Any]]


#: Minimum width of a bin: nearly equal bounds would give 0.
LEAST_WIDTH = 5e-324


def histogram_problem(*arguments: Any) -> str | None:
    """The error message for the arguments of ``crossCorrelation``; None stands for unknown ones."""
    r, _, _, _, low, high, count = arguments
    if r is not None and not r >= 0:
        return f"the radius of `crossCorrelation` must be at least 0 mm, not {r:g}"
    if count is not None and not (count >= 1 and float(count).is_integer()):
        return f"`crossCorrelation` needs a whole number of bins, at least 1, not {count:g}"
    if count is not None and count > MOST_BINS:
        return f"`crossCorrelation` takes at most {MOST_BINS} bins, not {count:g}"
    if not all(math.isfinite(each) for each in (low, high) if each is not None):
        return "the bounds of `crossCorrelation` must be finite numbers"
    if low is not None and high is not None and not low < high:
        return (
            "the lower bound of `crossCorrelation` must be less than the upper one: "
            f"{low:g} is not less than {high:g}"
        )
    return None


@whole_image("crossCorrelation", scratch=32, check=histogram_problem, id="cross_correlation")
def cross_correlation(
    r: NumberValue,
    a: NumberImage,
    b: NumberImage,
    fb: BoolImage,
    m: NumberValue,
    M: NumberValue,  # noqa: N803 - the language's name
    k: NumberValue,
    grid: Grid,
) -> NumberImage:
    """The similarity of the textures of ``a`` around each voxel and of ``b`` within ``fb``, −1 to
    1.

    It is Pearson's correlation between two histograms of k bins: that of ``a`` in a box around the
    voxel, and that of all voxels of ``b`` where ``fb`` is true. It is 1 if both histograms are
    constant, and 0 if exactly one of them is.

    The half-width of the box along an axis is r mm / spacing, rounded to whole voxels (halves to
    even), and at least 1; what lies outside the image does not count. A number v with m <= v < M
    falls into the bin floor((v − m) / ((M − m) / k)), computed in float64 as written, at most
    k − 1; other numbers, and NaN, do not count.

    With h and w the two histograms, n and N their sums, all integers, the value is
    (k·Σhw − n·N) / (√(k·Σhh − n²)·√(k·Σww − N²)), computed in float64, in which the integers are
    exact below 2⁵³, and rounded to float32. Shapes (z, y, x) or (y, x). Source: VoxLogicA 1.

    Raises UndefinedValueError unless 0 <= r, m < M are finite and k is a whole number from 1 to
    1,048,576 (2²⁰).

    >>> crossCorrelation(1, [0, 0, 1, 5], [0, 0, 1, 5], [true, true, true, false], 0, 2, 2)
    [1, 1, 0, -1]
    """
    problem = histogram_problem(r, a, b, fb, m, M, k)
    if problem:
        raise UndefinedValueError(problem)
    volume = to_3d(a.shape, 1)
    halves = half_widths(r, to_3d(grid.spacing, 1.0), volume)
    bins = bins_of(a, m, M, int(k)).reshape(volume)
    wanted = _histogram(b[fb], m, M, int(k))
    result = np.empty(volume, dtype=np.float32)
    for start, stop in _slabs(volume):
        result[start:stop] = _correlation(bins, start, stop, halves, wanted)
    return result.reshape(a.shape)


@whole_image(scratch=32, id="gradient")
def gradient(v: NumberImage, grid: Grid) -> NumberImage:
    """The magnitude of the gradient of ``v`` at each voxel, per mm.

    Along each axis it is half the difference of the two neighbors, divided by the spacing; on the
    frame the voxel itself replaces the missing neighbor. Computed in float64, along x first, and
    rounded to float32. A voxel that is not finite gives NaN, and so do neighbors of NaN; a neighbor
    of an infinite voxel gives inf. Shapes (z, y, x) or (y, x). Source: ITK's
    ``GradientMagnitudeImageFilter`` with image spacing; results are bitwise identical.

    >>> gradient([0, 2, 6, 6])
    [1, 3, 2, 0]
    """
    result = np.empty(v.shape, dtype=np.float32)
    for start, stop in _slabs(v.shape):
        result[start:stop] = _magnitude(v, start, stop, grid.spacing)
    return result


def _slabs(shape: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Splits the first axis into pieces of about SLAB_VOXELS."""
    thickness = max(1, SLAB_VOXELS // math.prod(shape[1:]))
    for start in range(0, shape[0], thickness):
        yield start, min(start + thickness, shape[0])


def half_widths(r: float, spacing: tuple[float, ...], shape: tuple[int, ...]) -> Halves:
    """The number of voxels on either side of the center, per axis, limited by the image's shape."""
    # Python rounds halves to even.
    return tuple(
        max(1, round(min(r / step, size))) for step, size in zip(spacing, shape, strict=True)
    )


def bins_of(values: Numbers, low: float, high: float, count: int) -> Bins:
    """The bin of every voxel, −1 if it falls into none."""
    result = np.full(values.shape, -1, dtype=np.int32)
    # The quotient of subnormal bounds may be 0; then everything is in the last bin.
    width = (high - low) / count or LEAST_WIDTH
    for start, stop in _slabs(values.shape):
        slab = values[start:stop].astype(np.float64)
        inside = (slab >= low) & (slab < high)
        places = np.floor((slab[inside] - low) / width)
        result[start:stop][inside] = np.minimum(places, count - 1).astype(np.int32)
    return result


def _histogram(values: Numbers, low: float, high: float, count: int) -> list[int]:
    """The number of values in each bin."""
    bins = bins_of(values, low, high, count)
    frequencies = np.bincount(bins[bins >= 0], minlength=count)
    return [int(each) for each in frequencies]


def _correlation(bins: Bins, start: int, stop: int, halves: Halves, wanted: list[int]) -> Double:
    """The correlation for the voxels of a slab."""
    first, last = max(0, start - halves[0]), min(len(bins), stop + halves[0])
    around = bins[first:last]
    total, squares, products = np.zeros((3, stop - start, *bins.shape[1:]))
    for number in np.unique(around[around >= 0]).tolist():
        sums = _window_sums(around == number, start - first, stop - first, halves)
        counted = sums.astype(np.float64)
        total += counted
        products += counted * wanted[number]
        np.multiply(counted, counted, out=counted)
        squares += counted
    return _pearson(total, squares, products, wanted)


def _pearson(total: Double, squares: Double, products: Double, wanted: list[int]) -> Double:
    """Pearson's correlation from Σh, Σhh and Σhw per voxel."""
    count, sum_wanted = len(wanted), sum(wanted)
    spread_wanted = count * sum(each * each for each in wanted) - sum_wanted * sum_wanted
    spread = count * squares - total * total
    if spread_wanted == 0:
        constant: Double = np.equal(spread, 0).astype(np.float64)
        return constant
    covariance = count * products - total * sum_wanted
    scale = np.sqrt(spread) * math.sqrt(spread_wanted)
    result = np.zeros_like(scale)
    np.divide(covariance, scale, out=result, where=spread > 0)
    return result


def _window_sums(truth: Mask, start: int, stop: int, halves: Halves) -> Counts:
    """The number of true voxels in the box around each voxel of the planes start … stop − 1."""
    most = math.prod(
        min(2 * half + 1, size) for half, size in zip(halves, truth.shape, strict=True)
    )
    counts: Counts = truth.astype(np.min_scalar_type(most))
    for axis, half in enumerate(halves):
        counts = _sums_along(counts, axis, half)
        counts = counts[start:stop] if axis == 0 else counts
    return counts


def _sums_along(counts: Counts, axis: int, half: int) -> Counts:
    """The sums of ``2·half + 1`` neighbors along an axis; zero beyond the frame.

    The sum is composed of sums of 1, 2, 4, … neighbors.
    """
    size = counts.shape[axis]
    margin = [(half, half) if each == axis else (0, 0) for each in range(3)]
    result = np.zeros_like(counts)
    block, length, done, missing = np.pad(counts, margin), 1, 0, 2 * half + 1
    while missing:
        if missing & 1:
            result += block[_along(axis, done, done + size)]
            done += length
        missing >>= 1
        if missing:
            block = block[_along(axis, 0, -length)] + block[_along(axis, length, None)]
            length *= 2
    return result


def _along(axis: int, start: int, stop: int | None) -> tuple[slice, ...]:
    return tuple(slice(start, stop) if each == axis else slice(None) for each in range(3))


def _magnitude(v: Numbers, start: int, stop: int, spacing: tuple[float, ...]) -> Double:
    """The magnitude of the gradient on the planes start … stop − 1 along the first axis."""
    total = np.zeros((stop - start, *v.shape[1:]))
    for axis in reversed(range(v.ndim)):
        # ITK multiplies by the halved inverse of the spacing before it subtracts.
        weight = 0.5 * (1.0 / spacing[axis])
        slope = weight * _neighbor(v, start, stop, axis, 1)
        slope -= weight * _neighbor(v, start, stop, axis, -1)
        total += slope * slope
    # ITK adds the voxel itself times 0 to its derivative.
    total[~np.isfinite(v[start:stop])] = np.nan
    root: Double = np.sqrt(total)
    return root


def _neighbor(v: Numbers, start: int, stop: int, axis: int, step: int) -> Double:
    """The voxels ``step`` away along an axis from those of a slab; on the frame, the voxels
    themselves.
    """
    places = np.arange(start, stop) if axis == 0 else np.arange(v.shape[axis])
    nearby = np.clip(places + step, 0, v.shape[axis] - 1)
    planes = v if axis == 0 else v[start:stop]
    return np.take(planes, nearby, axis=axis).astype(np.float64)
