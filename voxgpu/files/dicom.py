"""Which image do the DICOM files of a folder make, or one file?

pydicom reads every file; SimpleITK is asked only for compressed voxels that pydicom has no decoder
for.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.files.dicom_choice import is_dicom
from voxgpu.files.dicom_frames import DicomFile, Frame, read_dicom_file
from voxgpu.files.dicom_pixels import stored_frames
from voxgpu.files.dicom_stack import Stack, stacked
from voxgpu.files.errors import FileError
from voxgpu.files.paths import os_reason
from voxgpu.image import Grid

_SERIES_LISTED = 8

#: Suffixes of DICOM files; names without one, or with the numbers of a UID, may be theirs too.
_SUFFIXES = (".dcm", ".dicom", ".ima")

#: Folders within a folder that are looked at for DICOM files, to say where they are.
_FOLDERS_TRIED = 200

#: Elements that scaled integers may have, as GDCM picks them.
_INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "int64")


@dataclass(frozen=True, slots=True)
class DicomImage:
    """An image in DICOM files.

    place     the file or folder
    stack     its frames and where they lie
    files     the files of the frames, each once, in the order of the frames
    element   NumPy's name of the type of its voxels
    channels  1, or 3 for colors
    warnings  what is odd about it, and what was taken
    """

    place: str
    stack: Stack
    files: tuple[str, ...]
    element: str
    channels: int
    warnings: tuple[str, ...]

    @property
    def grid(self) -> Grid:
        """Where its voxels lie."""
        stack = self.stack
        columns, rows = stack.frames[0].size
        return Grid(
            shape=(len(stack.frames), rows, columns),
            spacing=(stack.spacing[2], stack.spacing[1], stack.spacing[0]),
            origin=tuple(part + 0.0 for part in stack.origin),  # no -0.0
            direction=tuple(part + 0.0 for part in stack.direction),
        )


def dicom_image(place: str, series: str = "", asked: str = "") -> DicomImage:
    """The image in the DICOM file or folder at ``place``; reads no voxels.

    ``asked`` is the SeriesInstanceUID that a folder must hold, ``series`` the one to take where
    it holds several. Raises FileError for what makes no volume.
    """
    if not Path(place).is_dir():
        one = read_dicom_file(place)
        if one is None:
            raise FileError(place, "it is a DICOM file without an image, such as a report")
        return image_of(place, (one,))
    files, others = _files_of(place)
    image = image_of(place, _chosen(place, files, series, asked))
    if not others:
        return image
    more = f" and {len(others) - 1} more" if len(others) > 1 else ""
    odd = f"`{others[0]}`{more} beside DICOM files is none and left out"
    return replace(image, warnings=(odd, *image.warnings))


def image_of(place: str, files: tuple[DicomFile, ...]) -> DicomImage:
    """The image that these files make. Raises FileError where they make none."""
    _check_not_mosaic(place, files)
    _check_not_twice(place, files)
    stack = stacked(place, tuple(frame for file in files for frame in file.frames))
    odd = [warning for file in files for warning in file.warnings]
    if len({file.reference for file in files}) > 1:
        odd.append(f"`{place}` has slices with several frames of reference; one is assumed")
    return DicomImage(
        place,
        stack,
        tuple(dict.fromkeys(frame.file for frame in stack.frames)),
        _element(place, stack.frames),
        stack.frames[0].channels,
        tuple(dict.fromkeys((*odd[:3], *stack.warnings))),
    )


def read_dicom(image: DicomImage) -> npt.NDArray[Any]:
    """The voxels of an image, (z, y, x), with a last axis for colors.

    Scaled in float64 and rounded once. Raises FileError where they are damaged or compressed in
    a way for which there is no decoder.
    """
    frames = image.stack.frames
    columns, rows = frames[0].size
    shape = (len(frames), rows, columns) + (image.channels,) * (image.channels > 1)
    voxels = np.empty(shape, image.element)
    places: dict[str, list[tuple[int, Frame]]] = {}
    for z, frame in enumerate(frames):
        places.setdefault(frame.file, []).append((z, frame))
    for file, wanted in places.items():
        for z, plane in stored_frames(file, wanted):
            if plane.shape != shape[1:]:
                raise FileError(file, f"its voxels are {plane.shape}, not {shape[1:]} of them")
            _check_fits(file, plane, voxels.dtype)
            voxels[z] = plane
    return voxels


def _check_fits(file: str, plane: npt.NDArray[Any], element: np.dtype[Any]) -> None:
    """Raise FileError where numbers are stored that the header has no room for."""
    if element.kind == "f" or plane.dtype == element or not plane.size:
        return
    limits = np.iinfo(element)
    if plane.dtype.kind == "f" or plane.min() < limits.min or plane.max() > limits.max:
        raise FileError(file, f"its voxels do not fit {element}, which its header promises")


def _files_of(folder: str) -> tuple[tuple[DicomFile, ...], tuple[str, ...]]:
    """The DICOM files in a folder that hold images, and files that may have been some.

    Raises FileError where a file is named like DICOM and is none: a slice would be missing.
    """
    found, others = [], []
    for name in _names(folder):
        suffix = Path(name).suffix.lower()
        if is_dicom(name):
            if (file := read_dicom_file(name)) is not None:
                found.append(file)
        elif suffix in _SUFFIXES:
            raise FileError(
                name,
                "its name says DICOM, but it does not begin as such files do: it is damaged",
                "fetch it again, or remove it from the folder",
            )
        elif not suffix[1:].strip("0123456789"):
            others.append(name)
    if found:
        return tuple(found), tuple(others)
    within = _folder_within(folder)
    if within:
        raise FileError(
            folder, "it is a directory, not an image", f"DICOM files are in `{within}` within it"
        )
    raise FileError(folder, "it is a directory, not an image", "no DICOM files are in it either")


def _names(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(
                each.path for each in entries if not each.name.startswith(".") and each.is_file()
            )
    except OSError as error:
        raise FileError(folder, os_reason(error)) from None


def _folder_within(folder: str) -> str:
    """A folder within that holds DICOM files, if one is found soon."""
    for count, (place, folders, names) in enumerate(os.walk(folder)):
        if count >= _FOLDERS_TRIED:
            break
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if place != folder and any(_begins(Path(place) / name) for name in sorted(names)[:3]):
            return place
    return ""


def _begins(path: Path) -> bool:
    try:
        return path.is_file() and is_dicom(str(path))
    except FileError:
        return False


def _chosen(
    folder: str, files: tuple[DicomFile, ...], series: str, asked: str
) -> tuple[DicomFile, ...]:
    groups: dict[str, list[DicomFile]] = {}
    for file in files:
        groups.setdefault(file.series, []).append(file)
    wanted = asked or (series if len(groups) > 1 else "")
    if wanted in groups:
        return tuple(groups[wanted])
    if len(groups) == 1 and not wanted:
        return files
    lines = [_line(name, group) for name, group in groups.items()]
    listed = ", ".join(lines[:_SERIES_LISTED])
    more = len(lines) - _SERIES_LISTED
    listed += f" and {more} more" if more > 0 else ""
    first = next(iter(groups))
    missing = f"it has no DICOM series {wanted}; " if wanted else ""
    raise FileError(
        folder,
        f"{missing}it holds {len(groups)} DICOM series: {listed}",
        f"choose one: load `{folder}#{first}`, or voxgpu run --series {shlex.quote(first)}",
    )


def _line(name: str, group: list[DicomFile]) -> str:
    described = group[0].description
    files = f"{len(group)} file{'s' * (len(group) > 1)}"
    return f"{name or 'without a name'} ({files}{', ' * bool(described)}{described})"


def _check_not_mosaic(place: str, files: tuple[DicomFile, ...]) -> None:
    for file in files:
        if "MOSAIC" in dict(file.frames[0].labels).get("ImageType", ""):
            raise FileError(
                place,
                "its DICOM slices are mosaics: one picture of all slices of a volume",
                f"convert it first: dcm2niix -z y -o . {shlex.quote(place)}",
            )


def _check_not_twice(place: str, files: tuple[DicomFile, ...]) -> None:
    known: dict[str, str] = {}
    for file in files:
        if file.instance and file.instance in known:
            raise FileError(
                place,
                f"`{Path(known[file.instance]).name}` and `{Path(file.path).name}` are the same "
                "DICOM slice twice",
                "remove one of each",
            )
        known[file.instance] = file.path


def _element(place: str, frames: tuple[Frame, ...]) -> str:
    """The type that holds the numbers of all frames: theirs, integers where exact, else float32."""
    elements = {frame.element for frame in frames}
    if any(element.startswith("float") for element in elements):
        return "float64" if "float64" in elements else "float32"
    plain = all((frame.slope, frame.intercept) == (1, 0) for frame in frames)
    if plain and len(elements) == 1:
        return elements.pop()
    if not all(frame.slope.is_integer() and frame.intercept.is_integer() for frame in frames):
        return "float32"
    ends = [end for frame in frames for end in _ends(frame)]
    for element in _INTEGERS:
        limits = np.iinfo(element)
        if limits.min <= min(ends) and max(ends) <= limits.max:
            return element
    return "float32"


def _ends(frame: Frame) -> Iterator[int]:
    for end in frame.range:
        yield end * int(frame.slope) + int(frame.intercept)
