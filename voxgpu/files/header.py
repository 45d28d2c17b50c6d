"""What image is in a file, as far as its header tells?"""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from voxgpu.files.existing import existing, what_it_looks_like
from voxgpu.files.options import AS_USUAL, ReadOptions
from voxgpu.files.problem import FileProblem
from voxgpu.image import Grid
from voxgpu.types import ELEMENT_BYTES

if TYPE_CHECKING:
    from voxgpu.files.itk import Information

#: A matrix of unit columns whose determinant is smaller has lost an axis.
_SMALLEST_DETERMINANT = 1e-6


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of an image before its voxels are read.

    path      the file, or the folder of a DICOM series; absolute, folders resolved
    grid      where the voxels lie; axes of one voxel are dropped beyond two
    element   NumPy's name of the voxel type in the file, such as ``int16``
    channels  1, or 3 or 4 for colors
    files     every file whose bytes bear on the image, absolute: the header's first, then
              detached voxels, or the slices of a series in order
    warnings  doubts about the header, such as two orientations that differ, each with what was
              taken
    """

    path: str
    grid: Grid
    element: str
    channels: int
    files: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """Memory that the voxels take."""
        return self.grid.voxels * self.channels * ELEMENT_BYTES[self.element]


def read_header(path: Path, options: ReadOptions = AS_USUAL) -> Header:
    """The header of an image file, or of a folder with one DICOM series; reads no voxels.

    Raises FileProblem for whatever is not there, not an image, not a 2-D or 3-D image of real
    numbers or colors, and for files that are shorter than their header promises.
    """
    place = existing(Path(path))
    if Path(place).is_dir():
        return _series_header(place)
    from voxgpu.files.nifti_read import nifti_files

    files = nifti_files(place)
    header = _nifti_header(place, files) if files else None
    return header or _other_header(place)


def _series_header(place: str) -> Header:
    from voxgpu.files.dicom import series_files, series_information

    files = series_files(place)
    return _header(place, series_information(place, files), files)


def _nifti_header(place: str, files: tuple[str, ...]) -> Header | None:
    from voxgpu.files.nifti import orientation_fields
    from voxgpu.files.nifti_read import nifti_information, read_nifti_header

    header = read_nifti_header(files)
    if header is None:
        if len(files) == 2:  # other formats have files with these names too
            return None
        reason = what_it_looks_like(place) or "it has no NIfTI header, although its name says so"
        raise FileProblem(place, reason)
    information = nifti_information(place, header)
    result = _header(place, information, files, orientation_fields(header.raw))
    if result.grid.voxels * result.channels != header.components:
        raise FileProblem(place, "its header is damaged: its dimensions contradict its voxel type")
    return result


def _other_header(place: str) -> Header:
    from voxgpu.files.detached import packing_of
    from voxgpu.files.itk import information
    from voxgpu.files.whole import check_whole

    check_whole(place, 0)  # first, since ITK trusts files more than it should
    try:
        said = information(place)
    except FileProblem as problem:
        reason = what_it_looks_like(place) or problem.reason
        raise FileProblem(place, reason, problem.help) from None
    packing = packing_of(place)
    header = _header(place, said, packing.files if packing else (place,))
    check_whole(place, header.bytes)
    return header


def _header(
    place: str, information: Information, files: tuple[str, ...], nifti: bytes = b""
) -> Header:
    element, channels = information.element, information.channels
    if "complex" in information.voxel:
        raise FileProblem(place, "its voxels are complex numbers", "save its magnitude first")
    if not element:
        raise FileProblem(place, f"its voxels are of a type without use here: {information.voxel}")
    if channels not in (1, 3, 4):
        raise FileProblem(
            place,
            f"its voxels have {channels} channels; images have 1, or 3 or 4 for colors",
            f"pick one first: {_python(place, 's.VectorIndexSelectionCast(s.ReadImage({!r}), 0)')}",
        )
    return Header(place, grid_of(place, information, nifti), element, channels, files)


def grid_of(place: str, information: Information, nifti: bytes = b"") -> Grid:
    """Where the voxels lie, without axes of one voxel beyond two (the last of them go first).

    With an axis of the grid the axis of space of the same number goes. What is left of the
    direction is scaled to unit columns, or the identity where it has lost an axis. The bits of
    a NIfTI header are kept as long as they describe the axes that are left.
    """
    kept = _kept_axes(place, information.size)
    rank = len(information.size)
    columns = [[information.direction[row * rank + axis] for row in kept] for axis in kept]
    spacing = [information.spacing[axis] for axis in kept]
    origin = [information.origin[axis] for axis in kept]
    if not all(map(math.isfinite, (*origin, *spacing, *(c for column in columns for c in column)))):
        raise FileProblem(place, "its header is damaged: it places voxels at no number")
    if min(spacing) <= 0:
        found = "×".join(f"{s:g}" for s in spacing)
        raise FileProblem(place, f"its header is damaged: it says that the spacing is {found} mm")
    if rank == len(kept) == 3 and abs(_determinant(columns)) <= _SMALLEST_DETERMINANT:
        raise FileProblem(place, "its header is damaged: its axes do not span space")
    return Grid(
        shape=tuple(information.size[axis] for axis in reversed(kept)),
        spacing=tuple(reversed(spacing)),
        origin=tuple(o + 0.0 for o in origin),  # no -0.0
        direction=_direction(columns, rank > len(kept)),
        nifti=nifti if kept == tuple(range(len(kept))) else b"",
    )


def _kept_axes(place: str, size: tuple[int, ...]) -> tuple[int, ...]:
    if len(size) < 2:
        raise FileProblem(place, "it has 1 dimension; images here have 2 or 3")
    kept = list(range(len(size)))
    for axis in reversed(range(len(size))):
        if size[axis] == 1 and len(kept) > 2:
            kept.remove(axis)
    if len(kept) > 3:
        raise _too_many_dimensions(place, size)
    return tuple(kept)


def _too_many_dimensions(place: str, size: tuple[int, ...]) -> FileProblem:
    name = Path(place).name
    stem = name.split(".")[0] or "volume"
    volume = ", ".join([":"] * 3 + ["0"] * (len(size) - 3))
    code = _python(place, f"s.ReadImage({{!r}})[{volume}]", f"{stem}_0.nii.gz")
    fsl = f"fslroi {shlex.quote(place)} {shlex.quote(stem)}_0 0 1, or " if len(size) == 4 else ""
    return FileProblem(
        place,
        f"it has {len(size)} dimensions ({'×'.join(map(str, size))}); images here have 2 or 3",
        f"pick one volume first: {fsl}{code}",
    )


def _python(place: str, expression: str, name: str = "one.nii.gz") -> str:
    code = f"import SimpleITK as s; s.WriteImage({expression.format(place)}, {name!r})"
    return f"python -c {shlex.quote(code)}"


def _direction(columns: list[list[float]], reduced: bool) -> tuple[float, ...]:
    """The matrix of these columns, row by row; unit columns where it is part of a larger one."""
    count = len(columns)
    if reduced:
        lengths = [math.hypot(*column) for column in columns]
        if min(lengths) <= _SMALLEST_DETERMINANT:
            return Grid.regular((1,) * count).direction
        columns = [
            [part / length for part in column]
            for column, length in zip(columns, lengths, strict=True)
        ]
    if abs(_determinant(columns)) <= _SMALLEST_DETERMINANT:
        return Grid.regular((1,) * count).direction
    return tuple(columns[axis][row] + 0.0 for row in range(count) for axis in range(count))


def _determinant(m: list[list[float]]) -> float:
    if len(m) == 2:
        return m[0][0] * m[1][1] - m[0][1] * m[1][0]
    return sum(
        m[0][i] * (m[1][(i + 1) % 3] * m[2][(i + 2) % 3] - m[1][(i + 2) % 3] * m[2][(i + 1) % 3])
        for i in range(3)
    )
