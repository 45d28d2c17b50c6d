"""Display orientation of images, by radiological convention.

Axial slices, seen from the feet: the patient's front is up, the patient's left is at the right.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.frozen import frozen
from voxgpu.image import Grid


@frozen
class Orientation:
    """The mapping from the axes of an array to those of the display.

    axes      the array's axes in the order of the display: upward through the slices (missing in
              2-D), down the picture, right in the picture
    flipped   for each of these, whether the array runs in the opposite direction
    spacing   for each of these, mm between voxel centers
    """

    axes: tuple[int, ...]
    flipped: tuple[bool, ...]
    spacing: tuple[float, ...]

    def turned(self, voxels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A view of the array along the display's axes; an axis of channels stays last."""
        channels = range(len(self.axes), voxels.ndim)
        steps = tuple(slice(None, None, -1 if flip else 1) for flip in self.flipped)
        return voxels.transpose(*self.axes, *channels)[steps]


def radiological(grid: Grid) -> Orientation:
    """The display orientation of a grid: its axes nearest to up, backward and to the left.

    Oblique grids are shown along their own axes, not resampled. 2-D grids are taken as slices.
    """
    count = grid.dimensions
    # Row: left, posterior, superior; column: the array's axis (the direction's are x first).
    cosines = np.array(grid.direction, float).reshape(count, count)[:, ::-1]
    patient = list(range(count))[::-1]
    axes = max(
        permutations(range(count)),
        key=lambda order: sum(abs(cosines[p, a]) for p, a in zip(patient, order, strict=True)),
    )
    flipped = tuple(bool(cosines[p, a] < 0) for p, a in zip(patient, axes, strict=True))
    return Orientation(axes, flipped, tuple(grid.spacing[axis] for axis in axes))
