"""What is an image: voxels on a grid, and when do two grids agree?"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

#: Two grids agree when no voxel center lies farther apart than this part of the smallest spacing.
#: Tools that write the same grid as float32, as decimals or as a quaternion differ by less.
TOLERANCE = 1e-3

#: The same for grids that went through a library in memory: nothing but arithmetic may differ.
ROUNDING = 1e-6

#: A plane whose axes, as unit vectors, span less than this has lost one of them.
SMALLEST_DETERMINANT = 1e-6


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the voxels of an image lie in space.

    shape      voxels along (z, y, x), or (y, x) in 2-D
    spacing    mm between voxel centers along (z, y, x), or (y, x): the order of ``shape``
    origin     mm, center of the first voxel in patient coordinates (left, posterior,
               superior): (x, y, z) or (x, y), the order of ITK
    direction  row-major matrix of direction cosines as in ITK; its columns are the grid's
               x, y and z axes
    nifti      the orientation fields of the NIfTI header that the grid was read from (see
               ``voxgpu.files.nifti``), empty where there was none; kept so that a result is
               saved with the very bits it was loaded with
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    origin: tuple[float, ...]
    direction: tuple[float, ...]
    nifti: bytes = field(default=b"", repr=False)

    @classmethod
    def regular(cls, shape: tuple[int, ...], spacing: tuple[float, ...] | None = None) -> Grid:
        """A grid at the origin, axis-aligned, 1 mm unless ``spacing`` (mm, z y x) is given."""
        count = len(shape)
        identity = tuple(float(i == j) for i in range(count) for j in range(count))
        return cls(tuple(shape), spacing or (1.0,) * count, (0.0,) * count, identity)

    @property
    def dimensions(self) -> int:
        """2 or 3."""
        return len(self.shape)

    @property
    def voxels(self) -> int:
        """How many voxels the grid has."""
        return math.prod(self.shape)

    def agrees_with(self, other: Grid, tolerance: float = TOLERANCE) -> bool:
        """Whether no voxel center lies farther apart than ``tolerance`` smallest spacings."""
        if self is other:
            return True
        if self.shape != other.shape:
            return False
        return self.displacement(other) <= tolerance

    def displacement(self, other: Grid) -> float:
        """The largest distance between corresponding corner voxels, in smallest spacings of both.

        Both grids map voxel indices to mm by affine maps, so the largest displacement over
        the grid is found at one of its corners. Grids must have the same shape.
        """
        worst, smallest = 0.0, min(*self.spacing, *other.spacing)
        for corner in range(2**self.dimensions):
            index = tuple((size - 1) * (corner >> axis & 1) for axis, size in enumerate(self.shape))
            mine, theirs = self.position(index), other.position(index)
            distance = math.dist(mine, theirs)
            worst = max(worst, distance / smallest)
        return worst

    def position(self, index: tuple[float, ...]) -> tuple[float, ...]:
        """The place in mm (x, y, z) of the voxel with this (z, y, x) index."""
        count = self.dimensions
        steps = [i * s for i, s in zip(reversed(index), reversed(self.spacing), strict=True)]
        return tuple(
            self.origin[row]
            + sum(self.direction[row * count + axis] * steps[axis] for axis in range(count))
            for row in range(count)
        )

    def extract(self, start: tuple[int, ...], shape: tuple[int, ...]) -> Grid:
        """The part of the grid of ``shape`` voxels that begins at voxel ``start``, (z, y, x)."""
        return Grid(shape, self.spacing, self.position(start), self.direction)

    @property
    def thin_axis(self) -> int | None:
        """Of three axes, the first of one voxel, (z, y, x) order, or None: 2-D formats lose it."""
        return self.shape.index(1) if self.dimensions == 3 and 1 in self.shape else None

    def without_axis(self, axis: int) -> Grid:
        """The 2-D grid that is left of a 3-D one without ``axis``, (z, y, x) order.

        With an axis of the grid the axis of space of the same number goes, as in ITK. What is left
        of the direction is scaled to unit columns, or the identity where it has lost an axis.
        """
        kept = [each for each in range(3) if each != 2 - axis]  # x, y, z
        columns = [[self.direction[row * 3 + each] for row in kept] for each in kept]
        return Grid(
            shape=tuple(size for each, size in enumerate(self.shape) if each != axis),
            spacing=tuple(step for each, step in enumerate(self.spacing) if each != axis),
            origin=tuple(self.origin[each] for each in kept),
            direction=_unit_matrix(*columns),
        )

    def __str__(self) -> str:
        """The grid as people write it, x first: ``240×240×155, 1×1×1 mm, origin (0, 0, 0)``."""
        size = "×".join(str(n) for n in reversed(self.shape))
        spacing = "×".join(f"{s:.6g}" for s in reversed(self.spacing))
        origin = ", ".join(f"{o:.6g}" for o in self.origin)
        return f"{size} voxels of {spacing} mm, origin ({origin}) mm"


def _unit_matrix(first: list[float], second: list[float]) -> tuple[float, ...]:
    """The matrix of these columns scaled to length 1, row by row, or the identity."""
    lengths = math.hypot(*first), math.hypot(*second)
    if min(lengths) > SMALLEST_DETERMINANT:
        a, c = (part / lengths[0] for part in first)
        b, d = (part / lengths[1] for part in second)
        if abs(a * d - b * c) > SMALLEST_DETERMINANT:
            return (a, b, c, d)
    return (1.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """Voxels and where they lie.

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
        """1, or the number of color channels."""
        return int(self.array.shape[-1]) if self.array.ndim > self.grid.dimensions else 1
