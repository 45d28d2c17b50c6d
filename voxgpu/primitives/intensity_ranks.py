"""Ranks of voxels within a population, and Otsu's threshold that splits it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from voxgpu.primitives.define import BoolImage, NumberImage, NumberValue, whole_image
from voxgpu.primitives.otsu_reference import otsu_threshold
from voxgpu.primitives.primitive import UndefinedValueError

Numbers = npt.NDArray[np.float32]

#: The value of ``percentiles`` outside the mask.
OUTSIDE = -1.0


@whole_image(scratch=36, version=2, is_exact=True, id="percentiles")
def percentiles(v: NumberImage, mask: BoolImage, c: NumberValue) -> NumberImage:
    """The rank of each voxel of ``mask`` among all of them, from 0 to 1; −1 outside the mask.

    A voxel gets (L + c·E) / N: of the N voxels in the mask, L have a smaller number and E the same
    number (−0 is the same as 0). With ``c`` = 0.5 equal voxels thus share their middle rank, with 0
    the lowest and with 1 the highest. NaN is neither smaller than nor equal to anything: a NaN
    voxel gets 0, but counts in N. Computed in float64, in the order written, and rounded to
    float32. Shapes (z, y, x) or (y, x). Source: VoxLogicA 1, whose results are bitwise identical.

    >>> percentiles([30, 10, 10, 20, 99], [true, true, true, true, false], 0.5)
    [0.875, 0.25, 0.25, 0.625, -1]
    """
    result = np.full(v.shape, OUTSIDE, dtype=np.float32)
    result[mask] = _ranks(v[mask], c)
    return result


def _ranks(population: Numbers, c: float) -> Numbers:
    """The rank of every member of a population within it; sorts the population in place."""
    order = np.argsort(population)
    population[:] = population[order]
    numbers = population
    if population.dtype.kind == "f":
        numbers = population[: int(np.searchsorted(population, np.nan))]  # NaN sorts last
    ranks, equal = _distinct_ranks(numbers, population.size, c)
    result = np.zeros(population.shape, np.float32)
    result[order[: numbers.size]] = np.repeat(ranks, equal)
    return result


def _distinct_ranks(
    ordered: Numbers, population: int, c: float
) -> tuple[Numbers, npt.NDArray[np.int64]]:
    """The rank of each distinct number, ascending, and the number of voxels that have it."""
    starts = np.append(True, ordered[1:] != ordered[:-1])[: ordered.size]
    bounds = np.append(np.flatnonzero(starts), ordered.size)
    equal = np.diff(bounds)
    ranks = c * equal
    ranks += bounds[:-1]
    ranks /= population or 1
    return ranks.astype(np.float32), equal


#: The most bins that any primitive accepts: more would only take memory.
MOST_BINS = 2**20


def bins_problem(_: object, __: object, bins: float | None) -> str | None:
    """The error message for the number of bins of ``otsu``; None stands for an unknown one."""
    if bins is not None and not (bins >= 2 and float(bins).is_integer()):
        return f"`bins` of `otsu` must be a whole number of at least 2, not {bins:g}"
    if bins is not None and bins > MOST_BINS:
        return f"`bins` of `otsu` must be at most {MOST_BINS}, not {bins:g}"
    return None


@whole_image(scratch=24, check=bins_problem, id="otsu")
def otsu(v: NumberImage, mask: BoolImage, bins: NumberValue) -> BoolImage:
    """True within ``mask`` where ``v`` exceeds Otsu's threshold of the voxels in the mask.

    The threshold is the upper edge of one of ``bins`` bins of equal width between the least and the
    greatest voxel of the mask: the one that best separates a dark and a bright class. It is bitwise
    identical to that of ITK's ``OtsuThresholdImageFilter`` (mask value 1, masked output, no
    midpoint) for the image cast to float32; for an image of integers ITK may choose other bins.
    Voxels that are not finite do not influence it; NaN is never above it, +inf always. Shapes
    (z, y, x) or (y, x).

    Raises UndefinedValueError if no finite voxel lies in the mask, or ``bins`` is not an integer
    from 2 to 1048576.

    >>> otsu([1, 2, 1, 90, 95, 99], [true, true, true, true, true, false], 4)
    [false, false, false, true, true, false]
    """
    problem = bins_problem(v, mask, bins)
    if problem:
        raise UndefinedValueError(problem)
    threshold = otsu_threshold(v[mask], int(bins))
    return np.logical_and(v > threshold, mask)
