"""Geometry checks: from a reader's description of a file to a grid, the same for every format."""

from __future__ import annotations

import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from voxgpu.files.errors import FileError
from voxgpu.image import Grid

if TYPE_CHECKING:
    from voxgpu.files.itk import Information

#: A matrix of unit columns with a smaller determinant is degenerate: its axes span no space.
_SMALLEST_DETERMINANT = 1e-6

#: Largest sine of the deviation from a right angle (0.011°): four-decimal cosines reach it.
LARGEST_SHEAR = 2e-4

#: Largest deviation of the length of a direction vector from 1.
_LARGEST_STRETCH = 1e-3


def grid_of(path: str, information: Information, nifti: bytes = b"", help: str = "") -> Grid:
    """Build the grid of an image; of more than three axes, those of one voxel are dropped.

    An axis of one voxel among the first three is kept: it has a thickness, a position and an
    orientation. ``nifti``, the orientation fields of a NIfTI header, is kept with the grid.
    ``help`` is advice about sheared axes, if that depends on the format. Raises FileError if the
    header gives positions that are not finite, axes that are not at right angles or do not span
    space, directions that are not unit vectors, or fewer than two or more than three axes.
    """
    count = len(_kept_axes(path, information.size))
    rank = len(information.size)
    columns = [
        [information.direction[row * rank + axis] for row in range(count)] for axis in range(count)
    ]
    spacing, origin = information.spacing[:count], information.origin[:count]
    if not all(map(math.isfinite, (*origin, *spacing, *(c for column in columns for c in column)))):
        raise FileError(
            path, "its header is damaged: it places voxels at positions that are not finite"
        )
    if min(spacing) <= 0:
        listed = "×".join(f"{s:g}" for s in spacing)
        raise FileError(path, f"its header is damaged: it says that the spacing is {listed} mm")
    return Grid(
        shape=tuple(reversed(information.size[:count])),
        spacing=tuple(reversed(spacing)),
        origin=tuple(o + 0.0 for o in origin),  # turns -0.0 into 0.0
        direction=_direction(path, columns, help),
        nifti=nifti,
    )


def _kept_axes(path: str, size: tuple[int, ...]) -> tuple[int, ...]:
    """The first two or three axes; no other axis may have more than one voxel."""
    if len(size) < 2:
        raise FileError(path, "it has 1 dimension; images here have 2 or 3")
    if any(each > 1 for each in size[3:]):
        raise _too_many_dimensions(path, size)
    return tuple(range(min(len(size), 3)))


def _too_many_dimensions(path: str, size: tuple[int, ...]) -> FileError:
    name = Path(path).name
    stem = name.split(".")[0] or "volume"
    volume = ", ".join([":"] * 3 + ["0"] * (len(size) - 3))
    code = python_command(path, f"s.ReadImage({{!r}})[{volume}]", f"{stem}_0.nii.gz")
    fsl = f"fslroi {shlex.quote(path)} {shlex.quote(stem)}_0 0 1, or " if len(size) == 4 else ""
    return FileError(
        path,
        f"it has {len(size)} dimensions ({'×'.join(map(str, size))}); images here have 2 or 3",
        f"pick one volume first: {fsl}{code}",
    )


def python_command(path: str, expression: str, name: str = "one.nii.gz") -> str:
    """A shell command that writes an image computed from the file with SimpleITK as ``s``."""
    code = f"import SimpleITK as s; s.WriteImage({expression.format(path)}, {name!r})"
    return f"python -c {shlex.quote(code)}"


def _direction(path: str, columns: list[list[float]], help: str) -> tuple[float, ...]:
    """The matrix of these columns, row-major.

    In 2-D, a direction that is not a rotation of the plane becomes the identity: such a slice lies
    across the plane of x and y, which a 2-D grid cannot express.
    """
    count = len(columns)
    lengths = [math.hypot(*column) for column in columns]
    lost = min(lengths) <= _SMALLEST_DETERMINANT or (
        abs(determinant(columns)) <= _SMALLEST_DETERMINANT
    )
    sine = 1.0 if lost else shear(columns)
    if count == 2 and max(lengths) <= 1 + _LARGEST_STRETCH and (lost or not _is_plane(lengths)):
        if lost or sine > LARGEST_SHEAR:
            return Grid.regular((1,) * count).direction
        columns = [
            [part / length for part in column]
            for column, length in zip(columns, lengths, strict=True)
        ]
    if lost:
        raise FileError(path, "its header is damaged: its axes do not span space")
    if sine > LARGEST_SHEAR:
        raise FileError(
            path,
            f"its axes are sheared: {math.degrees(math.asin(sine)):.3g}° off a right angle",
            help or _straightened(path),
        )
    if any(abs(length - 1) > _LARGEST_STRETCH for length in lengths):
        raise FileError(path, *_stretched(lengths))
    return tuple(columns[axis][row] + 0.0 for row in range(count) for axis in range(count))


def _is_plane(lengths: list[float]) -> bool:
    return all(abs(length - 1) <= _LARGEST_STRETCH for length in lengths)


def _stretched(lengths: list[float]) -> tuple[str, str]:
    """Describe what is wrong with directions of these lengths, and what to do."""
    listed = ", ".join(f"{length:.6g}" for length in lengths)
    return (
        f"its directions are {listed} long in place of 1, so its spacing is not how far its voxels "
        "are apart",
        "divide each direction by its length; multiply the spacing by it, unless it is right",
    )


def _straightened(path: str) -> str:
    stem = Path(path).name.split(".")[0] or "image"
    if path.lower().endswith((".nii", ".nii.gz", ".hdr", ".img")):  # SimpleITK refuses these
        code = (
            "import nibabel as n, nibabel.processing as p; "
            f"n.save(p.resample_to_output(n.load({path!r})), {stem + '_straight.nii.gz'!r})"
        )
        return f"resample it to straight axes first: python -c {shlex.quote(code)}"
    code = (
        "import SimpleITK as s, numpy as n; "
        f"i = s.ReadImage({path!r}); d = n.reshape(i.GetDirection(), (i.GetDimension(),) * 2); "
        "u, _, v = n.linalg.svd(d); g = s.Image(i); g.SetDirection((u @ v).ravel().tolist()); "
        f"s.WriteImage(s.Resample(i, g), {stem + '_straight.nii.gz'!r})"
    )
    return f"resample it to straight axes first: python -c {shlex.quote(code)}"


def shear(columns: list[list[float]]) -> float:
    """The largest sine of the angles by which two axes deviate from a right angle."""
    lengths = [math.hypot(*column) for column in columns]
    return max(
        abs(sum(a * b for a, b in zip(columns[i], columns[j], strict=True)))
        / (lengths[i] * lengths[j])
        for i in range(len(columns))
        for j in range(i)
    )


def determinant(m: list[list[float]]) -> float:
    """Compute the determinant of a 2×2 or 3×3 matrix."""
    if len(m) == 2:
        return m[0][0] * m[1][1] - m[0][1] * m[1][0]
    return sum(
        m[0][i] * (m[1][(i + 1) % 3] * m[2][(i + 2) % 3] - m[1][(i + 2) % 3] * m[2][(i + 1) % 3])
        for i in range(3)
    )
