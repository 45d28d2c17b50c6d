"""Which primitives can no program name? Those that stand for several nodes after rewriting.

Each is written here as the nodes that it stands for, so that its reference is their meaning; what
makes it worth while is how a backend computes it.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from voxgpu.codegen.whole_reference import compared, is_whole
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
from voxgpu.primitives.statistics import percentiles
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

    Whole numbers of 32 and 64 bits are compared with the number as it is.
    """
    if is_whole(v):
        if operator == "not_equal" and n != n:
            return np.zeros(v.shape, np.bool_)
        whole: npt.NDArray[np.bool_] = compared(operator, v, np.float64(n))
        return whole
    with np.errstate(over="ignore"):
        result: npt.NDArray[np.bool_] = OPERATORS[operator](v, np.float32(n))
    return result


@whole_image(scratch=18)
def compared_distance(
    b: BoolImage,
    r: NumberValue,
    kind: StaticText,
    operator: StaticText,
    of: StaticText,
    grid: Grid,
) -> BoolImage:
    """How ``dt`` or ``pdt``, as ``kind`` says, compares with a number: that of the ``region`` ``b``
    or of its ``complement``, ``!b``.

    >>> compared_distance([true, false, false], 1, "pdt", "less_equal", "region")
    [true, true, false]
    >>> compared_distance([false, true, true], 1, "pdt", "less_equal", "complement")
    [true, true, false]
    """
    measure: Any = signed_distance if kind == "dt" else distance
    return compare(operator, measure.function(b if of == "region" else ~b, grid), r)


@whole_image(scratch=40, version=2, is_exact=True)
def compared_percentile(
    v: NumberImage, mask: BoolImage, c: NumberValue, n: NumberValue, operator: StaticText
) -> BoolImage:
    """How ``percentiles(v, mask, c)`` compares with a number.

    >>> compared_percentile([30, 10, 20], [true, true, true], 0.5, 0.6, "greater")
    [true, false, false]
    """
    return compare(operator, percentiles.function(v, mask, c), n)


@whole_image(scratch=1, version=2, is_exact=True)
def compared_volume(v: NumberImage, n: NumberValue, operator: StaticText) -> NumberValue:
    """How many voxels compare so with a number.

    >>> compared_volume([30, 10, 20], 15, "greater")
    2
    """
    return float(np.count_nonzero(compare(operator, v, n)))


@whole_image(scratch=10)
def touching(a: BoolImage, b: BoolImage) -> BoolImage:
    """The components of ``b`` that contain a voxel of ``near(a)``.

    >>> touching([true, false, false, false], [false, true, false, true])
    [false, true, false, false]
    """
    seeds = any_in_box.function(a, 1)
    return through.function(seeds, b)  # type: ignore[no-any-return]


@whole_image(scratch=4)
def any_in_box(b: BoolImage, radius: StaticNumber) -> BoolImage:
    """True where ``b`` is true in the box of half-width ``radius`` voxels; outside is false.

    >>> any_in_box([true, false, false, false], 2)
    [true, true, true, false]
    """
    from scipy.ndimage import maximum_filter

    result: npt.NDArray[np.bool_] = maximum_filter(
        b.astype(np.uint8), size=2 * int(radius) + 1, mode="constant", cval=0
    ).astype(np.bool_)
    return result


@whole_image(scratch=4)
def all_in_box(b: BoolImage, radius: StaticNumber) -> BoolImage:
    """True where ``b`` is true in the whole box of half-width ``radius``; outside is true.

    >>> all_in_box([true, true, true, false], 1)
    [true, true, false, false]
    """
    return ~any_in_box.function(~b, radius)  # type: ignore[no-any-return]


COMPARED_DISTANCE = compared_distance.overloads[0]
COMPARED_PERCENTILE = compared_percentile.overloads[0]
COMPARED_VOLUME = compared_volume.overloads[0]
TOUCHING = touching.overloads[0]
ANY_IN_BOX = any_in_box.overloads[0]
ALL_IN_BOX = all_in_box.overloads[0]
