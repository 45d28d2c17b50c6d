"""Internal primitives, which no program can name: each replaces several nodes after rewriting.

The reference of each is written with the primitives that it replaces, so it has the same meaning;
the benefit is that a backend can compute it faster.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from voxgpu.codegen.integer_interpreter import compared, is_whole
from voxgpu.float32 import nearest_float32
from voxgpu.image import Grid
from voxgpu.primitives.components import through
from voxgpu.primitives.define import (
    BoolImage,
    NumberImage,
    NumberValue,
    Role,
    StaticNumber,
    whole_image,
)
from voxgpu.primitives.distance import distance, signed_distance
from voxgpu.primitives.intensity_ranks import percentiles
from voxgpu.primitives.primitive import Primitive
from voxgpu.types import TEXT

StaticText = Annotated[str, Role((TEXT,), static=True)]

#: How an image, on the left, is compared with a number.
OPERATORS: dict[str, Any] = {
    "less": np.less,
    "less_equal": np.less_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "equal": np.equal,
    # Like every comparison, false where one is NaN.
    "not_equal": lambda a, b: (a < b) | (a > b),
}


def compare(operator: str, v: npt.NDArray[Any], n: float) -> npt.NDArray[np.bool_]:
    """``v operator n``, with the number rounded to float32 first, as in voxel comparisons.

    Integers of 32 and 64 bits are compared with the unrounded number.
    """
    if is_whole(v):
        if operator == "not_equal" and n != n:
            return np.zeros(v.shape, np.bool_)
        whole: npt.NDArray[np.bool_] = compared(operator, v, np.float64(n))
        return whole
    result: npt.NDArray[np.bool_] = OPERATORS[operator](v, nearest_float32(n))
    return result


@whole_image(scratch=18, id="compared_distance")
def distance_compare(
    b: BoolImage,
    r: NumberValue,
    kind: StaticText,
    operator: StaticText,
    of: StaticText,
    grid: Grid,
) -> BoolImage:
    """Compares a distance (``dt`` or ``pdt``, given by ``kind``) with a number: the distance to the
    ``region`` ``b`` or to its ``complement``, ``!b``.

    >>> distance_compare([true, false, false], 1, "pdt", "less_equal", "region")
    [true, true, false]
    >>> distance_compare([false, true, true], 1, "pdt", "less_equal", "complement")
    [true, true, false]
    """
    measure: Any = signed_distance if kind == "dt" else distance
    return compare(operator, measure.function(b if of == "region" else ~b, grid), r)


@whole_image(scratch=40, version=2, is_exact=True, id="compared_percentile")
def percentile_compare(
    v: NumberImage, mask: BoolImage, c: NumberValue, n: NumberValue, operator: StaticText
) -> BoolImage:
    """Compares ``percentiles(v, mask, c)`` with a number.

    >>> percentile_compare([30, 10, 20], [true, true, true], 0.5, 0.6, "greater")
    [true, false, false]
    """
    return compare(operator, percentiles.function(v, mask, c), n)


@whole_image(scratch=1, version=2, is_exact=True, id="compared_volume")
def threshold_count(v: NumberImage, n: NumberValue, operator: StaticText) -> NumberValue:
    """The number of voxels that satisfy a comparison with a number.

    >>> threshold_count([30, 10, 20], 15, "greater")
    2
    """
    return float(np.count_nonzero(compare(operator, v, n)))


@whole_image(scratch=10, id="touching")
def components_touching(a: BoolImage, b: BoolImage) -> BoolImage:
    """The components of ``b`` that contain a voxel of ``near(a)``.

    >>> components_touching([true, false, false, false], [false, true, false, true])
    [false, true, false, false]
    """
    seeds = box_dilate.function(a, 1)
    return through.function(seeds, b)  # type: ignore[no-any-return]


@whole_image(scratch=4, id="any_in_box")
def box_dilate(b: BoolImage, radius: StaticNumber) -> BoolImage:
    """True where ``b`` is true in the box of half-width ``radius`` voxels; outside is false.

    >>> box_dilate([true, false, false, false], 2)
    [true, true, true, false]
    """
    from scipy.ndimage import maximum_filter

    result: npt.NDArray[np.bool_] = maximum_filter(
        b.astype(np.uint8), size=2 * int(radius) + 1, mode="constant", cval=0
    ).astype(np.bool_)
    return result


@whole_image(scratch=4, id="all_in_box")
def box_erode(b: BoolImage, radius: StaticNumber) -> BoolImage:
    """True where ``b`` is true in the whole box of half-width ``radius``; outside is true.

    >>> box_erode([true, true, true, false], 1)
    [true, true, false, false]
    """
    return ~box_dilate.function(~b, radius)  # type: ignore[no-any-return]


DISTANCE_COMPARE = distance_compare.overloads[0]
PERCENTILE_COMPARE = percentile_compare.overloads[0]
THRESHOLD_COUNT = threshold_count.overloads[0]
TOUCHING = components_touching.overloads[0]
ANY_IN_BOX = box_dilate.overloads[0]
ALL_IN_BOX = box_erode.overloads[0]

#: Primitives whose nodes are computed in batches, since they share most of their work where so many
#: of their first inputs are the same.
SHARED_INPUTS: Mapping[Primitive, int] = {PERCENTILE_COMPARE: 3, THRESHOLD_COUNT: 1}
