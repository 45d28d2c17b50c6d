"""How well do two regions cover each other?

``a`` is what was found, ``b`` what it should be. Definitions after L. Maier-Hein et al., "Metrics
reloaded", Nature Methods 21 (2024). Where a definition divides by nothing the value is NaN, with
a warning: no number would be honest.
"""

from __future__ import annotations

from math import nan, prod

import numpy as np

from voxgpu.image import Grid
from voxgpu.primitives.define import BoolImage, NumberValue, whole_image
from voxgpu.primitives.primitive import Doubtful


def _ratio(part: int, whole: int, why: str) -> float:
    return part / whole if whole else Doubtful(nan, why)  # type: ignore[return-value]


@whole_image(scratch=1)
def dice(a: BoolImage, b: BoolImage) -> NumberValue:
    """Twice the voxels in both regions, by the sum of the voxels of each: 1 where they are equal.

    Of two empty regions it is NaN, with a warning. Shapes (z, y, x) or (y, x).

    >>> dice([true, true, false], [true, false, false])
    0.6666666666666666
    """
    both = int(np.count_nonzero(a & b))
    total = int(np.count_nonzero(a)) + int(np.count_nonzero(b))
    return _ratio(2 * both, total, "`dice` of two empty regions has no value: it is nan")


@whole_image(scratch=2)
def jaccard(a: BoolImage, b: BoolImage) -> NumberValue:
    """The voxels in both regions, by those in either: 1 where they are equal.

    Of two empty regions it is NaN, with a warning. Shapes (z, y, x) or (y, x).

    >>> jaccard([true, true, false], [true, false, false])
    0.5
    """
    both, either = int(np.count_nonzero(a & b)), int(np.count_nonzero(a | b))
    return _ratio(both, either, "`jaccard` of two empty regions has no value: it is nan")


@whole_image(scratch=1)
def sensitivity(a: BoolImage, b: BoolImage) -> NumberValue:
    """How much of ``b``, the truth, was found: the voxels in both regions, by those in ``b``.

    Where ``b`` is empty it is NaN, with a warning. Shapes (z, y, x) or (y, x).

    >>> sensitivity([true, false, false], [true, true, false])
    0.5
    """
    both, truth = int(np.count_nonzero(a & b)), int(np.count_nonzero(b))
    return _ratio(both, truth, "`sensitivity` for an empty truth `b` has no value: it is nan")


@whole_image(scratch=2)
def specificity(a: BoolImage, b: BoolImage) -> NumberValue:
    """How much of what is outside ``b``, the truth, was left out: voxels outside both regions, by
    those outside ``b``.

    Where ``b`` is everything it is NaN, with a warning. Shapes (z, y, x) or (y, x).

    >>> specificity([true, true, false], [true, false, false])
    0.5
    """
    neither = a.size - int(np.count_nonzero(a | b))
    outside = a.size - int(np.count_nonzero(b))
    return _ratio(neither, outside, "`specificity` for a truth `b` without outside is nan")


@whole_image("volume_mm3", scratch=0)
def volume_in_mm(b: BoolImage, *, grid: Grid) -> NumberValue:
    """The volume of a region in mm³; of a 2-D image its area in mm².

    Shapes (z, y, x) or (y, x).

    >>> volume_mm3([true, true, false])
    2
    """
    return float(np.count_nonzero(b)) * prod(grid.spacing)
