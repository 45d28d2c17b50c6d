"""Where the voxels of a file lie, from what its reader says; the same rules for every format."""

from __future__ import annotations

import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from voxgpu.files.errors import FileError
from voxgpu.image import Grid

if TYPE_CHECKING:
    from voxgpu.files.itk import Information

#: A matrix of unit columns whose determinant is smaller has lost an axis.
_SMALLEST_DETERMINANT = 1e-6

#: Axes may be off a right angle by this sine, 0.011°: direction cosines of four decimals are.
LARGEST_SHEAR = 2e-4

#: The length of a direction may differ from 1 by this.
_LARGEST_STRETCH = 1e-3


def grid_of(place: str, information: Information, nifti: bytes = b"", help: str = "") -> Grid:
    """Where the voxels lie; of more than three axes, those of one voxel are left out.

    An axis of one voxel among the first three is kept: it has a thickness, a place and an
    orientation. The fields of a NIfTI header, ``nifti``, are kept with the grid. ``help`` is
    what can be done about sheared axes, where that depends on the format. Raises FileError
    where the header places voxels at no number, has axes that are not at right angles, do not
    span space or have directions that are no unit vectors, and where there are fewer than two axes
    or more than three.
    """
    count = len(_kept_axes(place, information.size))
    rank = len(information.size)
    columns = [
        [information.direction[row * rank + axis] for row in range(count)] for axis in range(count)
    ]
    spacing, origin = information.spacing[:count], information.origin[:count]
    if not all(map(math.isfinite, (*origin, *spacing, *(c for column in columns for c in column)))):
        raise FileError(place, "its header is damaged: it places voxels at no number")
    if min(spacing) <= 0:
        found = "×".join(f"{s:g}" for s in spacing)
        raise FileError(place, f"its header is damaged: it says that the spacing is {found} mm")
    return Grid(
        shape=tuple(reversed(information.size[:count])),
        spacing=tuple(reversed(spacing)),
        origin=tuple(o + 0.0 for o in origin),  # no -0.0
        direction=_direction(place, columns, help),
        nifti=nifti,
    )


def _kept_axes(place: str, size: tuple[int, ...]) -> tuple[int, ...]:
    """The first two or three axes; there must be no others of more than one voxel."""
    if len(size) < 2:
        raise FileError(place, "it has 1 dimension; images here have 2 or 3")
    if any(each > 1 for each in size[3:]):
        raise _too_many_dimensions(place, size)
    return tuple(range(min(len(size), 3)))


def _too_many_dimensions(place: str, size: tuple[int, ...]) -> FileError:
    name = Path(place).name
    stem = name.split(".")[0] or "volume"
    volume = ", ".join([":"] * 3 + ["0"] * (len(size) - 3))
    code = python_command(place, f"s.ReadImage({{!r}})[{volume}]", f"{stem}_0.nii.gz")
    fsl = f"fslroi {shlex.quote(place)} {shlex.quote(stem)}_0 0 1, or " if len(size) == 4 else ""
    return FileError(
        place,
        f"it has {len(size)} dimensions ({'×'.join(map(str, size))}); images here have 2 or 3",
        f"pick one volume first: {fsl}{code}",
    )


def python_command(place: str, expression: str, name: str = "one.nii.gz") -> str:
    """A command that writes an image made of the file with SimpleITK, named ``s``."""
    code = f"import SimpleITK as s; s.WriteImage({expression.format(place)}, {name!r})"
    return f"python -c {shlex.quote(code)}"


def _direction(place: str, columns: list[list[float]], help: str) -> tuple[float, ...]:
    """The matrix of these columns, row by row.

    In 2-D a direction that is no rotation of the plane becomes the identity: the slice lies
    across the plane of x and y, and a 2-D grid has no place for that.
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
        raise FileError(place, "its header is damaged: its axes do not span space")
    if sine > LARGEST_SHEAR:
        raise FileError(
            place,
            f"its axes are sheared: {math.degrees(math.asin(sine)):.3g}° off a right angle",
            help or _straightened(place),
        )
    if any(abs(length - 1) > _LARGEST_STRETCH for length in lengths):
        raise FileError(place, *_stretched(lengths))
    return tuple(columns[axis][row] + 0.0 for row in range(count) for axis in range(count))


def _is_plane(lengths: list[float]) -> bool:
    return all(abs(length - 1) <= _LARGEST_STRETCH for length in lengths)


def _stretched(lengths: list[float]) -> tuple[str, str]:
    """What is wrong with directions of these lengths, and what to do."""
    found = ", ".join(f"{length:.6g}" for length in lengths)
    return (
        f"its directions are {found} long in place of 1, so its spacing is not how far its voxels "
        "are apart",
        "divide each direction by its length; multiply the spacing by it, unless it is right",
    )


def _straightened(place: str) -> str:
    stem = Path(place).name.split(".")[0] or "image"
    if place.lower().endswith((".nii", ".nii.gz", ".hdr", ".img")):  # which SimpleITK refuses
        code = (
            "import nibabel as n, nibabel.processing as p; "
            f"n.save(p.resample_to_output(n.load({place!r})), {stem + '_straight.nii.gz'!r})"
        )
        return f"resample it to straight axes first: python -c {shlex.quote(code)}"
    code = (
        "import SimpleITK as s, numpy as n; "
        f"i = s.ReadImage({place!r}); d = n.reshape(i.GetDirection(), (i.GetDimension(),) * 2); "
        "u, _, v = n.linalg.svd(d); g = s.Image(i); g.SetDirection((u @ v).ravel().tolist()); "
        f"s.WriteImage(s.Resample(i, g), {stem + '_straight.nii.gz'!r})"
    )
    return f"resample it to straight axes first: python -c {shlex.quote(code)}"


def shear(columns: list[list[float]]) -> float:
    """The largest sine of the angles by which two of the axes are off a right angle."""
    lengths = [math.hypot(*column) for column in columns]
    return max(
        abs(sum(a * b for a, b in zip(columns[i], columns[j], strict=True)))
        / (lengths[i] * lengths[j])
        for i in range(len(columns))
        for j in range(i)
    )


def determinant(m: list[list[float]]) -> float:
    """The determinant of a 2×2 or 3×3 matrix."""
    if len(m) == 2:
        return m[0][0] * m[1][1] - m[0][1] * m[1][0]
    return sum(
        m[0][i] * (m[1][(i + 1) % 3] * m[2][(i + 2) % 3] - m[1][(i + 2) % 3] * m[2][(i + 1) % 3])
        for i in range(3)
    )
