"""Encoding of a grid's geometry in NIfTI-1 fields.

ITK counts mm to the left, posterior and superior; NIfTI to the right, anterior and superior, so the
first two coordinates change sign. The geometry is stored twice: as an affine matrix (sform) and as
a rotation by a quaternion (qform), following the comments of nifti1.h, method 2 and method 3.
"""

from __future__ import annotations

import math
import struct

import numpy as np
import numpy.typing as npt

from voxgpu.image import Grid

Matrix = npt.NDArray[np.float64]

_SCANNER = 1
_MILLIMETERS = 2


def computed_fields(grid: Grid) -> bytes:
    """Compute the geometry fields (see ``nifti.orientation_fields``) of a grid without them.

    qform_code and sform_code are 1; lengths are in mm. The third axis of a 2-D grid is at right
    angles, with 1 mm spacing and its origin at 0.
    """
    count = grid.dimensions
    direction, spacing, origin = np.eye(3), np.ones(3), np.zeros(3)
    direction[:count, :count] = np.reshape(grid.direction, (count, count))
    spacing[:count] = grid.spacing[::-1]
    origin[:count] = grid.origin
    flipped = np.diag([-1.0, -1.0, 1.0])
    direction, origin = flipped @ direction, flipped @ origin
    affine = np.column_stack([direction * spacing, origin])
    handedness, quaternion = _quaternion(direction)
    return b"".join(
        [
            struct.pack("<2h", _SCANNER, _SCANNER),
            np.array([*quaternion, *origin], "<f4").tobytes(),
            affine.astype("<f4").tobytes(),
            np.array([handedness, *spacing], "<f4").tobytes(),
            struct.pack("<B", _MILLIMETERS),
        ]
    )


def _quaternion(direction: Matrix) -> tuple[float, tuple[float, float, float]]:
    """The sign of the third axis (qfac) and b, c, d of the rotation nearest to ``direction``.

    The rotation of a unit quaternion (a, b, c, d) has 4a² = 1 + R11 + R22 + R33, and similarly for
    b, c and d. The largest of the four is computed from the diagonal; the others, which are divided
    by it, from sums and differences of mirrored elements. The sign is chosen so that a is not
    negative, since the header holds only b, c and d.
    """
    handedness = -1.0 if np.linalg.det(direction) < 0 else 1.0
    left, _, right = np.linalg.svd(direction * [1.0, 1.0, handedness])
    r = left @ right
    squares = [
        1 + r[0, 0] + r[1, 1] + r[2, 2],
        1 + r[0, 0] - r[1, 1] - r[2, 2],
        1 - r[0, 0] + r[1, 1] - r[2, 2],
        1 - r[0, 0] - r[1, 1] + r[2, 2],
    ]
    products = {
        (0, 1): r[2, 1] - r[1, 2],
        (0, 2): r[0, 2] - r[2, 0],
        (0, 3): r[1, 0] - r[0, 1],
        (1, 2): r[0, 1] + r[1, 0],
        (1, 3): r[0, 2] + r[2, 0],
        (2, 3): r[1, 2] + r[2, 1],
    }
    largest = int(np.argmax(squares))
    twice = math.sqrt(squares[largest])  # twice the largest of a, b, c, d
    parts = [
        twice / 2
        if part == largest
        else products[min(part, largest), max(part, largest)] / (2 * twice)
        for part in range(4)
    ]
    sign = math.copysign(1.0, parts[0])
    return handedness, (sign * parts[1], sign * parts[2], sign * parts[3])
