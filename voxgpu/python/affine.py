"""Conversion between grids and affine matrices from voxels to mm (RAS), as in NIfTI and nibabel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from voxgpu.files.geometry import LARGEST_SHEAR, determinant, shear
from voxgpu.image import SMALLEST_DETERMINANT, Grid

Matrix = npt.NDArray[np.float64]

#: From (left, posterior, superior) to (right, anterior, superior), and back.
_FLIPPED = np.diag([-1.0, -1.0, 1.0, 1.0])


def affine_of(grid: Grid) -> Matrix:
    """The 4×4 matrix from voxel (x, y, z) to mm (right, anterior, superior)."""
    count = grid.dimensions
    matrix = np.eye(4)
    direction = np.array(grid.direction).reshape(count, count)
    matrix[:count, :count] = direction * np.array(grid.spacing[::-1])
    matrix[:count, 3] = grid.origin
    return np.asarray(_FLIPPED @ matrix + 0.0)  # turns -0.0 into 0.0


def grid_of_affine(shape: tuple[int, ...], affine: object) -> Grid:
    """The grid of this shape, (z, y, x) or (y, x), with the geometry of an affine matrix.

    Raises ValueError if the matrix is not 4×4, not finite, sheared, or singular; and in 2-D if it
    leaves the plane of x and y.
    """
    matrix = np.array(affine, np.float64)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        raise ValueError("an affine is a 4×4 matrix of finite numbers")
    if not np.array_equal(matrix[3], [0, 0, 0, 1]):
        raise ValueError(f"the last row of an affine is 0 0 0 1, not {matrix[3]}")
    count = len(shape)
    matrix = _FLIPPED @ matrix
    if count == 2 and (matrix[2, :2].any() or matrix[:2, 2].any()):
        raise ValueError("a 2-D image lies in the plane of x and y: give it an axis of one voxel")
    axes = matrix[:count, :count]
    lengths = np.linalg.norm(axes, axis=0)
    # Removes the rounding error of the square root.
    spacing = [float(f"{each:.12g}") for each in lengths.tolist()]
    if min(spacing) <= 0:
        raise ValueError("an axis of the affine has no length")
    columns = [(axes[:, i] / lengths[i]).tolist() for i in range(count)]
    if abs(determinant(columns)) <= SMALLEST_DETERMINANT:
        raise ValueError("the axes of the affine do not span space")
    if (sine := shear(columns)) > LARGEST_SHEAR:
        angle = np.degrees(np.arcsin(min(sine, 1.0)))
        raise ValueError(f"the axes of the affine are sheared: {angle:.3g}° off a right angle")
    return Grid(
        tuple(shape),
        tuple(reversed(spacing)),
        tuple((matrix[:count, 3] + 0.0).tolist()),
        tuple(columns[axis][row] + 0.0 for row in range(count) for axis in range(count)),
    )
