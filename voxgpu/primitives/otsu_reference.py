"""Otsu's threshold, which best separates two classes of numbers, bitwise identical to ITK's.

Reference: N. Otsu, A threshold selection method from gray-level histograms (1979). The steps and
their roundings are those of ITK 5.4: ``MaskedImageToHistogramFilter`` with its marginal scale of
100, ``Histogram::Initialize`` and ``OtsuMultipleThresholdsCalculator`` with one threshold, without
valley emphasis. Deviations: numbers that are not finite are left out (ITK's result then depends on
their order), and a range too wide for float32 is an error (ITK returns NaN).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from voxgpu.primitives.primitive import UndefinedValueError

#: The last bin extends beyond the greatest number by its width divided by this.
MARGINAL_SCALE = 100.0

#: ITK treats variances as equal if they differ by at most this, or are neighbors in float64.
SAME = 0.1 * float(np.finfo(np.float64).eps)

Edges = npt.NDArray[np.float64]


def otsu_threshold(values: npt.NDArray[np.float32], bins: int) -> np.float32:
    """The upper edge of the bin after which the two classes of ``values`` differ most.

    values  in any order; those that are not finite are ignored
    bins    of the histogram, at least 2

    Raises UndefinedValueError if no value is finite or their range exceeds a float32.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        raise no_finite_value()
    lower, upper = bin_edges(float(finite.min()), float(finite.max()), bins)
    # ITK searches the bin in float64; of bins with the same lower edge the last one is chosen.
    places = np.searchsorted(lower, finite.astype(np.float64), side="right") - 1
    return threshold_of(np.bincount(places, minlength=bins).tolist(), lower, upper)


def no_finite_value() -> UndefinedValueError:
    """The error if there is no finite value to derive a threshold from."""
    return UndefinedValueError("no voxel in `mask` has a finite value, so there is no threshold")


def threshold_of(frequencies: Sequence[int], lower: Edges, upper: Edges) -> np.float32:
    """The upper edge of the last bin of the lower class."""
    centers = ((lower + upper) / 2.0).tolist()
    return np.float32(upper[_best_split(frequencies, centers)])


def bin_edges(least: float, greatest: float, bins: int) -> tuple[Edges, Edges]:
    """The edges of the bins, lower and upper; offsets from the least are rounded to float32."""
    end = greatest + (greatest - least) / bins / MARGINAL_SCALE
    with np.errstate(over="ignore"):
        width = (np.float32(end) - np.float32(least)) / np.float32(bins)
    if not np.isfinite(width):
        raise UndefinedValueError(
            f"the voxels in `mask` span {greatest - least:g}, more than float32 holds"
        )
    numbers = np.arange(bins + 1, dtype=np.float32)
    edges = least + (numbers * width).astype(np.float64)
    return edges[:-1], np.append(edges[1:-1], end)


def _best_split(frequencies: Sequence[int], centers: Sequence[float]) -> int:
    """The last bin of the lower class for which the variance between the classes is greatest.

    In case of a tie the first is taken; the upper class keeps at least the last bin.
    """
    best, best_variance = 0, 0.0
    for split, variance in enumerate(_variances(frequencies, centers)):
        if split == 0 or (variance > best_variance and not _same(variance, best_variance)):
            best, best_variance = split, variance
    return best


def _variances(frequencies: Sequence[int], centers: Sequence[float]) -> Iterator[float]:
    """For each split: the mean of the squares of the two class means, weighted by class sizes.

    It differs from the between-class variance by the square of the overall mean, which is the same
    for every split. The order of the operations is ITK's.
    """
    total = sum(frequencies)
    mean = _mean(frequencies, centers, total)
    count = frequencies[0]
    lower = centers[0] if count else 0.0
    yield _spread(count, lower, total, mean)
    for frequency, center in zip(frequencies[1:-1], centers[1:-1], strict=True):
        moment = lower * count + center * frequency
        count += frequency
        lower = moment / count if count else 0.0
        yield _spread(count, lower, total, mean)


def _spread(count: int, lower: float, total: int, mean: float) -> float:
    rest = total - count
    upper = (mean * total - lower * count) / rest if rest else 0.0
    return (count * (lower * lower) + rest * (upper * upper)) / total


def _mean(frequencies: Sequence[int], centers: Sequence[float], total: int) -> float:
    # Not sum(), which since Python 3.12 compensates the roundings that ITK makes.
    moment = 0.0
    for frequency, center in zip(frequencies, centers, strict=True):
        moment += center * frequency
    return moment / total


def _same(a: float, b: float) -> bool:
    """Whether ITK considers two numbers, both at least 0, equal."""
    if abs(a - b) <= SAME:
        return True
    bits = np.array([a, b]).view(np.int64)
    return abs(int(bits[0]) - int(bits[1])) <= 1
