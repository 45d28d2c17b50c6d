"""Images (voxels on a grid) and the agreement of grids."""

from __future__ import annotations

import math
from dataclasses import field
from typing import TYPE_CHECKING, Any, TypeVar

from voxgpu.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

#: Grids agree if no voxel center lies farther apart than this fraction of the smallest spacing.
#: Tools that write the same grid as float32, as decimals or as a quaternion differ by less.
TOLERANCE = 1e-3

#: The tolerance for grids that passed through a library in memory: only rounding may differ.
ROUNDING = 1e-6

_T = TypeVar("_T")

#: Minimum determinant of the unit axes of a plane; below it an axis is considered lost.
SMALLEST_DETERMINANT = 1e-6


def to_3d(numbers: Sequence[_T], missing: _T) -> tuple[_T, _T, _T]:
    """Numbers for (z, y, x), with ``missing`` for z where they are for (y, x)."""
    *before, y, x = numbers
    return before[0] if before else missing, y, x


@frozen(slots=True)
class Grid:
    """The position of an image's voxels in space.

    shape      voxels along (z, y, x), or (y, x) in 2-D
    spacing    mm between voxel centers along (z, y, x), or (y, x): the order of ``shape``
    origin     mm, center of the first voxel in patient coordinates (left, posterior,
               superior): (x, y, z) or (x, y), the order of ITK
    direction  row-major matrix of direction cosines as in ITK; its columns are the grid's
               x, y and z axes
    nifti      the orientation fields of the NIfTI header that the grid was read from (see
               ``voxgpu.files.nifti``), else empty; kept so that results are saved with exactly the
               same bits
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    origin: tuple[float, ...]
    direction: tuple[float, ...]
    nifti: bytes = field(default=b"", repr=False)

    @classmethod
    def regular(cls, shape: tuple[int, ...], spacing: tuple[float, ...] | None = None) -> Grid:
        """Returns an axis-aligned grid at the origin; ``spacing`` (mm, z y x) defaults to 1 mm."""
        count = len(shape)
        identity = tuple(float(i == j) for i in range(count) for j in range(count))
        return cls(tuple(shape), spacing or (1.0,) * count, (0.0,) * count, identity)

    @property
    def dimensions(self) -> int:
        """The number of dimensions, 2 or 3."""
        return len(self.shape)

    @property
    def voxels(self) -> int:
        """The number of voxels of the grid."""
        return math.prod(self.shape)

    def agrees_with(self, other: Grid, tolerance: float = TOLERANCE) -> bool:
        """Returns whether both grids have the same voxel centers.

        They may lie up to ``tolerance`` times the smallest spacing apart.
        """
        if self is other:
            return True
        if self.shape != other.shape:
            return False
        return self.displacement(other) <= tolerance

    def displacement(self, other: Grid) -> float:
        """Returns the largest distance between corresponding corner voxels, in smallest spacings.

        Both grids map voxel indices to mm by affine maps, so the maximum over the grid is attained
        at a corner. The grids must have the same shape.
        """
        worst, smallest = 0.0, min(*self.spacing, *other.spacing)
        for corner in range(2**self.dimensions):
            index = tuple((size - 1) * (corner >> axis & 1) for axis, size in enumerate(self.shape))
            mine, theirs = self.position(index), other.position(index)
            distance = math.dist(mine, theirs)
            worst = max(worst, distance / smallest)
        return worst

    def position(self, index: tuple[float, ...]) -> tuple[float, ...]:
        """Returns the position in mm (x, y, z) of the voxel with this (z, y, x) index."""
        count = self.dimensions
        steps = [i * s for i, s in zip(reversed(index), reversed(self.spacing), strict=True)]
        return tuple(
            self.origin[row]
            + sum(self.direction[row * count + axis] * steps[axis] for axis in range(count))
            for row in range(count)
        )

    def extract(self, start: tuple[int, ...], shape: tuple[int, ...]) -> Grid:
        """Returns the subgrid of ``shape`` voxels that starts at voxel ``start``, (z, y, x)."""
        return Grid(shape, self.spacing, self.position(start), self.direction)

    @property
    def thin_axis(self) -> int | None:
        """Returns the first axis (z, y, x) of a 3-D grid with a single voxel, or None.

        2-D formats drop such an axis.
        """
        return self.shape.index(1) if self.dimensions == 3 and 1 in self.shape else None

    def without_axis(self, axis: int) -> Grid:
        """Returns the 2-D grid that remains of a 3-D one without ``axis``, (z, y, x) order.

        The spatial axis with the same number is dropped too, as in ITK. The remaining direction
        matrix is scaled to unit columns, or replaced by the identity if it has lost an axis.
        """
        kept = [each for each in range(3) if each != 2 - axis]  # in (x, y, z) order
        columns = [[self.direction[row * 3 + each] for row in kept] for each in kept]
        return Grid(
            shape=tuple(size for each, size in enumerate(self.shape) if each != axis),
            spacing=tuple(step for each, step in enumerate(self.spacing) if each != axis),
            origin=tuple(self.origin[each] for each in kept),
            direction=_unit_matrix(*columns),
        )

    def __str__(self) -> str:
        """Formats the grid, x first: ``240×240×155, 1×1×1 mm, origin (0, 0, 0)``."""
        size = "×".join(str(n) for n in reversed(self.shape))
        spacing = "×".join(f"{s:.6g}" for s in reversed(self.spacing))
        origin = ", ".join(f"{o:.6g}" for o in self.origin)
        return f"{size} voxels of {spacing} mm, origin ({origin}) mm"


def _unit_matrix(first: list[float], second: list[float]) -> tuple[float, ...]:
    """Returns the row-major matrix of these columns scaled to length 1, or the identity."""
    lengths = math.hypot(*first), math.hypot(*second)
    if min(lengths) > SMALLEST_DETERMINANT:
        a, c = (part / lengths[0] for part in first)
        b, d = (part / lengths[1] for part in second)
        if abs(a * d - b * c) > SMALLEST_DETERMINANT:
            return (a, b, c, d)
    return (1.0, 0.0, 0.0, 1.0)


@frozen(slots=True, eq=False)
class Image:
    """Voxels and their grid.

    array  shape of the grid, (z, y, x) or (y, x); colors have a last axis of 3 or 4 channels
    grid   the grid of the voxels
    """

    array: npt.NDArray[Any]
    grid: Grid

    @property
    def element(self) -> np.dtype[Any]:
        """The type of one voxel (of one channel, for colors)."""
        return self.array.dtype

    @property
    def channels(self) -> int:
        """The number of color channels, else 1."""
        return int(self.array.shape[-1]) if self.array.ndim > self.grid.dimensions else 1
