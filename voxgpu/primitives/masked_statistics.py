"""Statistics of the voxels of an image within a region: spread, order statistics, histograms.

All are computed in float64 from the voxels where ``mask`` is true. A mask without a true voxel is
an error, except for ``histogram``, whose counts are then 0.
"""

from __future__ import annotations

from math import isfinite, nan, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.codegen.interpreter import tree_sum
from voxgpu.primitives.define import (
    BoolImage,
    NumberImage,
    NumberValue,
    NumberValues,
    whole_image,
)
from voxgpu.primitives.intensity_ranks import MOST_BINS
from voxgpu.primitives.primitive import UndefinedValueError, ValueWithWarning, empty_mask

_Numbers = npt.NDArray[np.float64]


@whole_image("stdev", scratch=16, id="masked_standard_deviation")
def masked_standard_deviation(v: NumberImage, mask: BoolImage) -> NumberValue:
    """The sample standard deviation of ``v`` where ``mask`` is true: the sum of squares is divided
    by one less than the number of voxels; for a single voxel it is 0. NaN if any of the voxels is
    NaN or infinite.

    Shapes (z, y, x) or (y, x). Raises UndefinedValueError for a mask without a true voxel.

    >>> stdev([1, 2, 3, 50], [true, true, true, false])
    1
    """
    return mean_and_spread(_within(v, mask))[1]


@whole_image("median", scratch=16, id="masked_median")
def masked_median(v: NumberImage, mask: BoolImage) -> NumberValue:
    """The median of ``v`` where ``mask`` is true: the middle voxel, or the mean of the two middle
    ones. NaN if any of the voxels is NaN.

    Shapes (z, y, x) or (y, x). Raises UndefinedValueError for a mask without a true voxel.

    >>> median([9, 1, 2, 50], [true, true, true, false])
    2
    """
    return float(np.median(_within(v, mask)))


@whole_image("percentile", scratch=16, id="masked_percentile")
def masked_percentile(v: NumberImage, mask: BoolImage, p: NumberValue) -> NumberValue:
    """The value below which ``p`` percent (0 to 100) of the voxels of ``v`` where ``mask`` is true
    lie, linearly interpolated between the two nearest, as NumPy's ``percentile`` does by default.
    NaN if any of the voxels is NaN.

    A ``p`` between 0 and 1 gives a warning: it may be meant as a fraction, as in ``percentiles``.
    Shapes (z, y, x) or (y, x). Raises UndefinedValueError for a mask without a true voxel, and for
    a ``p`` that is not from 0 to 100.

    >>> percentile([1, 2, 3, 4, 50], [true, true, true, true, false], 50)
    2.5
    """
    if not 0 <= p <= 100:
        raise UndefinedValueError(f"`percentile` takes a percentage from 0 to 100, not {p:g}")
    result = float(np.percentile(_within(v, mask), p))
    if 0 < p < 1:
        reason = f"{p:g} is taken as {p:g} percent; `percentile` takes 0 to 100"
        return ValueWithWarning(result, reason)  # type: ignore[return-value]
    return result


@whole_image(scratch=24, id="histogram")
def histogram(
    v: NumberImage, mask: BoolImage, low: NumberValue, high: NumberValue, bins: NumberValue
) -> NumberValues:
    """The number of voxels of ``v`` where ``mask`` is true in each of ``bins`` intervals of equal
    width from ``low`` to ``high``. An interval includes its lower bound, the last one also its
    upper bound; voxels beyond the bounds and NaN are not counted.

    Shapes (z, y, x) or (y, x). Raises UndefinedValueError if the bounds are not finite or not
    ascending, or ``bins`` is not an integer from 1 to 1 048 576.

    >>> histogram([0, 1, 2, 9], [true, true, true, true], 0, 2, 2)
    [1, 2]
    """
    if not (float(bins).is_integer() and 1 <= bins <= MOST_BINS):
        raise UndefinedValueError(
            f"`histogram` has 1 to {MOST_BINS} bins, a whole number, not {bins:g}"
        )
    if not (isfinite(high - low) and low < high):
        raise UndefinedValueError(
            f"`histogram` counts from a bound to a greater one, not from {low:g} to {high:g}"
        )
    counts, _ = np.histogram(v[mask].astype(np.float64), int(bins), (low, high))
    return tuple(counts.astype(np.float64).tolist())


def mean_and_spread(voxels: _Numbers) -> tuple[float, float]:
    """Returns the mean of at least one number, and the sample standard deviation.

    The standard deviation is NaN if any number is NaN or infinite.
    """
    mean = float(tree_sum(voxels)) / voxels.size
    if not np.isfinite(voxels).all():
        return mean, nan
    if voxels.size == 1:
        return mean, 0.0
    return mean, sqrt(float(tree_sum((voxels - mean) ** 2)) / (voxels.size - 1))


def _within(v: npt.NDArray[Any], mask: npt.NDArray[np.bool_]) -> _Numbers:
    """The voxels where a mask is true, in float64. Raises UndefinedValueError if there are none."""
    if not mask.any():
        raise empty_mask("mask")
    return v[mask].astype(np.float64)
