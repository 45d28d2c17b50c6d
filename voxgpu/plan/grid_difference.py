"""Explanations of how two grids differ, and advice on resolving the difference."""

from __future__ import annotations

import math
from collections.abc import Sequence

from voxgpu.files.geometry import determinant
from voxgpu.image import ROUNDING, Grid

#: Displacements below this, in smallest spacings, are not mentioned.
_NEGLIGIBLE = 1e-5

#: Grids up to this far apart, in smallest spacings, may be meant to be equal.
_SMALL = 0.1


def difference(first: Grid, second: Grid) -> str:
    """Describes how the second grid differs from the first, for an error message.

    Covers shape, spacing, direction (mirrored axes or rotation in degrees) and position (mm and
    voxels).
    """
    if first.dimensions != second.dimensions:
        return f"one is {first.dimensions}-D, the other {second.dimensions}-D"
    differences = []
    if first.shape != second.shape:
        differences.append(
            f"the shapes are {_sizes(first.shape)} and {_sizes(second.shape)} voxels"
        )
    smallest = min(*first.spacing, *second.spacing)
    extent = max(max(first.shape), max(second.shape))
    if any(
        abs(a - b) * extent > _NEGLIGIBLE * smallest
        for a, b in zip(first.spacing, second.spacing, strict=True)
    ):
        differences.append(
            "the spacings are {} and {} mm".format(*_distinguishable_spacings(first, second))
        )
    rotation = _rotation(first, second, extent)
    if rotation:
        differences.append(f"the second is {rotation}")
    if displacement := _displacement(first, second, smallest, len(differences)):
        differences.append(displacement)
    return "; ".join(differences) or "they lie farther apart than the tolerance"


def advice(first: Grid, second: Grid) -> str:
    """Returns advice on how to resolve the difference between two grids."""
    resample = "resample one of them to the grid of the other: resample(v, like)"
    if first.shape != second.shape or _is_mirrored(first, second):
        return resample
    apart = first.displacement(second)
    if apart <= _SMALL:
        return f"{resample}, or take them for one grid: --grid-tolerance {_rounded_up(apart)}"
    if apart <= 1:
        return resample
    return f"{resample}; if a header is wrong and the voxels match: --same-grid adopt"


def _rounded_up(number: float) -> str:
    unit = 10.0 ** math.floor(math.log10(number))
    return f"{math.ceil(number / unit * (1 + ROUNDING)) * unit:.0e}".replace("e-0", "e-")


def _sizes(shape: Sequence[int]) -> str:
    return "×".join(str(each) for each in reversed(shape))


def _distinguishable_spacings(first: Grid, second: Grid) -> tuple[str, str]:
    """Formats both spacings, x first, with just enough digits to show the difference."""
    texts = ("", "")
    for digits in range(6, 18):
        texts = _spacing(first, digits), _spacing(second, digits)
        if texts[0] != texts[1]:
            break
    return texts


def _spacing(grid: Grid, digits: int) -> str:
    return "×".join(f"{each:.{digits}g}" for each in reversed(grid.spacing))


def _relative(first: Grid, second: Grid) -> list[list[float]]:
    """Returns the axes of the second grid (columns) in the axes of the first (rows)."""
    count = first.dimensions
    a, b = first.direction, second.direction
    return [
        [sum(a[k * count + i] * b[k * count + j] for k in range(count)) for j in range(count)]
        for i in range(count)
    ]


def _is_mirrored(first: Grid, second: Grid) -> bool:
    return first.dimensions == second.dimensions and determinant(_relative(first, second)) < 0


def _rotation(first: Grid, second: Grid, extent: int) -> str:
    """Describes the rotation or mirroring of the second grid; empty if the axes are aligned."""
    seen = _relative(first, second)
    count = len(seen)
    flipped = [axis for axis in range(count) if seen[axis][axis] < 0]
    straight = all(abs(abs(seen[axis][axis]) - 1) < 1e-3 for axis in range(count))
    mirrored = determinant(seen) < 0
    if mirrored:
        # Undoing the flips leaves a rotation. If no axis is flipped, any axis can be chosen.
        axes = flipped if straight else flipped[:1] or [count - 1]
        for row in range(count):
            for axis in axes:
                seen[row][axis] = -seen[row][axis]
    angle = _angle(seen)
    turn = f"turned by {_degrees(angle)}°" if angle * extent > _NEGLIGIBLE else ""
    if not mirrored:
        return turn
    if straight:
        names = " and ".join("xyz"[axis] for axis in flipped)
        return f"mirrored along {names}" + (f" and {turn}" if turn else "")
    return "mirrored" + (f" and {turn}" if turn else "")


def _angle(m: list[list[float]]) -> float:
    """Returns the angle of a rotation in radians, accurate for small angles too."""
    if len(m) == 2:
        return abs(math.atan2(m[1][0] - m[0][1], m[0][0] + m[1][1]))
    sines = math.hypot(m[2][1] - m[1][2], m[0][2] - m[2][0], m[1][0] - m[0][1])
    return math.atan2(sines, m[0][0] + m[1][1] + m[2][2] - 1)


def _degrees(angle: float) -> str:
    return f"{math.degrees(angle):.4g}"


def _displacement(first: Grid, second: Grid, smallest: float, others: int) -> str:
    """Describes the displacement between the centers; empty if it is negligible."""
    middles = [
        grid.position(tuple((size - 1) / 2 for size in grid.shape)) for grid in (first, second)
    ]
    mm = [b - a for a, b in zip(*middles, strict=True)]
    distance = math.hypot(*mm)
    if distance <= _NEGLIGIBLE * smallest and others:
        return ""
    voxels = distance / smallest
    parts = ", ".join(f"{each:.4g}" if abs(each) > 1e-9 else "0" for each in mm)
    whose = "the center of the second is" if others else "the second is"
    return f"{whose} shifted by {distance:.4g} mm = {voxels:.4g} voxels, ({parts}) mm"
