"""How well do two regions cover each other?

``a`` is what was found, ``b`` what it should be. Definitions after L. Maier-Hein et al., "Metrics
reloaded", Nature Methods 21 (2024). Where a definition divides by nothing the value is NaN, with
a warning: no number would be honest.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, prod

import numpy as np

from voxgpu.image import Grid
from voxgpu.primitives.define import BoolImage, NumberValue, whole_image
from voxgpu.primitives.primitive import ValueWithWarning


@dataclass(frozen=True, slots=True)
class Counts:
    """How many voxels two regions have: the first, the second, both, and all that there are."""

    a: int
    b: int
    both: int
    voxels: int

    @classmethod
    def of(cls, a: BoolImage, b: BoolImage) -> Counts:
        """Those of two images."""
        count = np.count_nonzero
        return cls(int(count(a)), int(count(b)), int(count(a & b)), a.size)


def _ratio(part: int, whole: int, why: str) -> float:
    return part / whole if whole else ValueWithWarning(nan, why)  # type: ignore[return-value]


@whole_image(scratch=1, id="dice")
def dice(a: BoolImage, b: BoolImage) -> NumberValue:
    """Twice the voxels in both regions, by the sum of the voxels of each: 1 where they are equal.

    Of two empty regions it is NaN, with a warning. Shapes (z, y, x) or (y, x).

    >>> dice([true, true, false], [true, false, false])
    0.6666666666666666
    """
    return dice_of(Counts.of(a, b))


def dice_of(counts: Counts) -> float:
    """``dice``, of counts."""
    why = "`dice` of two empty regions has no value: it is nan"
    return _ratio(2 * counts.both, counts.a + counts.b, why)


@whole_image(scratch=2, id="jaccard")
def jaccard(a: BoolImage, b: BoolImage) -> NumberValue:
    """The voxels in both regions, by those in either: 1 where they are equal.

    Of two empty regions it is NaN, with a warning. Shapes (z, y, x) or (y, x).

    >>> jaccard([true, true, false], [true, false, false])
    0.5
    """
    return jaccard_of(Counts.of(a, b))


def jaccard_of(counts: Counts) -> float:
    """``jaccard``, of counts."""
    either = counts.a + counts.b - counts.both
    return _ratio(counts.both, either, "`jaccard` of two empty regions has no value: it is nan")


@whole_image(scratch=1, id="sensitivity")
def sensitivity(a: BoolImage, b: BoolImage) -> NumberValue:
    """How much of ``b``, the truth, was found: the voxels in both regions, by those in ``b``.

    Where ``b`` is empty it is NaN, with a warning. Shapes (z, y, x) or (y, x).

    >>> sensitivity([true, false, false], [true, true, false])
    0.5
    """
    return sensitivity_of(Counts.of(a, b))


def sensitivity_of(counts: Counts) -> float:
    """``sensitivity``, of counts."""
    why = "`sensitivity` for an empty truth `b` has no value: it is nan"
    return _ratio(counts.both, counts.b, why)


@whole_image(scratch=2, id="specificity")
def specificity(a: BoolImage, b: BoolImage) -> NumberValue:
    """How much of what is outside ``b``, the truth, was left out: voxels outside both regions, by
    those outside ``b``.

    Where ``b`` is everything it is NaN, with a warning. Shapes (z, y, x) or (y, x).

    >>> specificity([true, true, false], [true, false, false])
    0.5
    """
    return specificity_of(Counts.of(a, b))


def specificity_of(counts: Counts) -> float:
    """``specificity``, of counts."""
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


#: The measures of two regions, each with what it is of counts.
MEASURES = (
    (dice, dice_of),
    (jaccard, jaccard_of),
    (sensitivity, sensitivity_of),
    (specificity, specificity_of),
)
