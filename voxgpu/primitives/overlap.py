"""Overlap measures of two regions.

``a`` is the result, ``b`` the truth. Definitions after L. Maier-Hein et al., "Metrics reloaded",
Nature Methods 21 (2024). Where a definition divides by zero the value is NaN, with a warning,
because any number would mislead.
"""

from __future__ import annotations

from math import nan, prod

import numpy as np

from voxgpu.frozen import frozen
from voxgpu.image import Grid
from voxgpu.primitives.define import BoolImage, NumberValue, whole_image
from voxgpu.primitives.primitive import ValueWithWarning


@frozen(slots=True)
class Counts:
    """The number of voxels of two regions: in the first, the second, both, and in total."""

    a: int
    b: int
    both: int
    voxels: int

    @classmethod
    def of(cls, a: BoolImage, b: BoolImage) -> Counts:
        """The counts of two images."""
        count = np.count_nonzero
        return cls(int(count(a)), int(count(b)), int(count(a & b)), a.size)


def _ratio(part: int, whole: int, why: str) -> float:
    return part / whole if whole else ValueWithWarning(nan, why)  # type: ignore[return-value]


@whole_image(scratch=1, id="dice")
def dice(a: BoolImage, b: BoolImage) -> NumberValue:
    """Twice the voxels in both regions, divided by the sum of the voxels of each: 1 if they are
    equal.

    For two empty regions it is NaN, with a warning. Shapes (z, y, x) or (y, x).

    >>> dice([true, true, false], [true, false, false])
    0.6666666666666666
    """
    return dice_of(Counts.of(a, b))


def dice_of(counts: Counts) -> float:
    """``dice``, from counts."""
    why = "`dice` of two empty regions has no value: it is nan"
    return _ratio(2 * counts.both, counts.a + counts.b, why)


@whole_image(scratch=2, id="jaccard")
def jaccard(a: BoolImage, b: BoolImage) -> NumberValue:
    """The voxels in both regions, divided by those in either: 1 if they are equal.

    For two empty regions it is NaN, with a warning. Shapes (z, y, x) or (y, x).

    >>> jaccard([true, true, false], [true, false, false])
    0.5
    """
    return jaccard_of(Counts.of(a, b))


def jaccard_of(counts: Counts) -> float:
    """``jaccard``, from counts."""
    either = counts.a + counts.b - counts.both
    return _ratio(counts.both, either, "`jaccard` of two empty regions has no value: it is nan")


@whole_image(scratch=1, id="sensitivity")
def sensitivity(a: BoolImage, b: BoolImage) -> NumberValue:
    """The part of ``b``, the truth, that was found: the voxels in both regions, divided by those in
    ``b``.

    If ``b`` is empty it is NaN, with a warning. Shapes (z, y, x) or (y, x).

    >>> sensitivity([true, false, false], [true, true, false])
    0.5
    """
    return sensitivity_of(Counts.of(a, b))


def sensitivity_of(counts: Counts) -> float:
    """``sensitivity``, from counts."""
    why = "`sensitivity` for an empty truth `b` has no value: it is nan"
    return _ratio(counts.both, counts.b, why)


@whole_image(scratch=2, id="specificity")
def specificity(a: BoolImage, b: BoolImage) -> NumberValue:
    """The part of what is outside ``b``, the truth, that was left out: voxels outside both regions,
    divided by those outside ``b``.

    If ``b`` is the whole image it is NaN, with a warning. Shapes (z, y, x) or (y, x).

    >>> specificity([true, true, false], [true, false, false])
    0.5
    """
    return specificity_of(Counts.of(a, b))


def specificity_of(counts: Counts) -> float:
    """``specificity``, from counts."""
    neither = counts.voxels - (counts.a + counts.b - counts.both)
    why = "`specificity` for a truth `b` without outside is nan"
    return _ratio(neither, counts.voxels - counts.b, why)


@whole_image("volume_mm3", scratch=0, id="volume_in_mm")
def volume_in_mm(b: BoolImage, *, grid: Grid) -> NumberValue:
    """The volume of a region in mm³; of a 2-D image its area in mm².

    Shapes (z, y, x) or (y, x).

    >>> volume_mm3([true, true, false])
    2
    """
    return float(np.count_nonzero(b)) * prod(grid.spacing)


#: The overlap measures, each with the function that computes it from counts.
MEASURES = (
    (dice, dice_of),
    (jaccard, jaccard_of),
    (sensitivity, sensitivity_of),
    (specificity, specificity_of),
)
