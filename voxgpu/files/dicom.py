"""The image in a DICOM file or in a folder of DICOM files.

pydicom reads every file; SimpleITK reads only compressed voxels for which pydicom has no decoder.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.files.dicom_choice import is_dicom
from voxgpu.files.dicom_frames import DicomFile, Frame, read_dicom_file
from voxgpu.files.dicom_pixels import decode_frames
from voxgpu.files.dicom_stack import Stack, sort_into_stack
from voxgpu.files.errors import FileError
from voxgpu.files.paths import os_reason
from voxgpu.files.suffixes import DICOM
from voxgpu.frozen import frozen
from voxgpu.image import Grid

_SERIES_LISTED = 8

#: The most subfolders to search for DICOM files, for the advice in an error message.
_FOLDERS_TRIED = 200

#: Element types for scaled integers, in the order in which GDCM picks them.
_INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "int64")


@frozen(slots=True)
class DicomImage:
    """An image in DICOM files.

    place     the file or folder
    stack     its frames and their geometry
    files     the files of the frames, each once, in the order of the frames
    element   NumPy's name of the voxel type
    channels  1, or 3 for colors
    warnings  irregularities of the files, each with the interpretation taken
    """

    path: str
    stack: Stack
    files: tuple[str, ...]
    element: str
    channels: int
    warnings: tuple[str, ...]

    @property
    def grid(self) -> Grid:
        """The grid of the image's voxels."""
        stack = self.stack
        columns, rows = stack.frames[0].size
        return Grid(
            shape=(len(stack.frames), rows, columns),
            spacing=(stack.spacing[2], stack.spacing[1], stack.spacing[0]),
            origin=tuple(part + 0.0 for part in stack.origin),  # turns -0.0 into 0.0
            direction=tuple(part + 0.0 for part in stack.direction),
        )


def dicom_image(path: str, series: str = "", required_series: str = "") -> DicomImage:
    """Describe the image in the DICOM file or folder at ``path``, without reading voxels.

    ``required_series`` is the SeriesInstanceUID that a folder must contain; ``series`` is the one
    to prefer if the folder contains several. Raises FileError if the files do not form a volume.
    """
    if not Path(path).is_dir():
        one = read_dicom_file(path)
        if one is None:
            raise FileError(path, "it is a DICOM file without an image, such as a report")
        return image_of(path, (one,))
    files, others = _files_of(path)
    image = image_of(path, _chosen(path, files, series, required_series))
    if not others:
        return image
    more = f" and {len(others) - 1} more" if len(others) > 1 else ""
    odd = f"`{others[0]}`{more} beside DICOM files is not one and was left out"
    return replace(image, warnings=(odd, *image.warnings))


def image_of(path: str, files: tuple[DicomFile, ...]) -> DicomImage:
    """Describe the image that these files form. Raises FileError if they form none."""
    _check_not_mosaic(path, files)
    _check_not_twice(path, files)
    stack = sort_into_stack(path, tuple(frame for file in files for frame in file.frames))
    odd = [warning for file in files for warning in file.warnings]
    if len({file.reference for file in files}) > 1:
        odd.append(f"`{path}` has slices with several frames of reference; one is assumed")
    return DicomImage(
        path,
        stack,
        tuple(dict.fromkeys(frame.file for frame in stack.frames)),
        _element(path, stack.frames),
        stack.frames[0].channels,
        tuple(dict.fromkeys((*odd[:3], *stack.warnings))),
    )


def read_dicom(image: DicomImage) -> npt.NDArray[Any]:
    """Read the voxels of an image: axes (z, y, x), and a last axis for colors.

    Values are scaled in float64 and rounded once. Raises FileError if the voxels are damaged or
    there is no decoder for their compression.
    """
    frames = image.stack.frames
    columns, rows = frames[0].size
    shape = (len(frames), rows, columns) + (image.channels,) * (image.channels > 1)
    voxels = np.empty(shape, image.element)
    places: dict[str, list[tuple[int, Frame]]] = {}
    for z, frame in enumerate(frames):
        places.setdefault(frame.file, []).append((z, frame))
    for file, requested in places.items():
        for z, plane in decode_frames(file, requested):
            if plane.shape != shape[1:]:
                raise FileError(file, f"its voxels are {plane.shape}, not {shape[1:]} of them")
            _check_fits(file, plane, voxels.dtype)
            voxels[z] = plane
    return voxels


def _check_fits(file: str, plane: npt.NDArray[Any], element: np.dtype[Any]) -> None:
    """Raise FileError if a plane holds values outside the range that the header declares."""
    if element.kind == "f" or plane.dtype == element or not plane.size:
        return
    limits = np.iinfo(element)
    if plane.dtype.kind == "f" or plane.min() < limits.min or plane.max() > limits.max:
        raise FileError(file, f"its voxels do not fit {element}, which its header promises")


def _files_of(folder: str) -> tuple[tuple[DicomFile, ...], tuple[str, ...]]:
    """Read the DICOM images in a folder; return them with files that might be DICOM.

    Raises FileError if a file is named like a DICOM file and is not one: a slice would be missing.
    """
    found, others = [], []
    for name in _names(folder):
        suffix = Path(name).suffix.lower()
        if is_dicom(name):
            if (file := read_dicom_file(name)) is not None:
                found.append(file)
        elif suffix in DICOM:
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
    """Find a subfolder that holds DICOM files, within `_FOLDERS_TRIED` folders; empty if none."""
    for count, (path, folders, names) in enumerate(os.walk(folder)):
        if count >= _FOLDERS_TRIED:
            break
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if path != folder and any(_begins(Path(path) / name) for name in sorted(names)[:3]):
            return path
    return ""


def _begins(path: Path) -> bool:
    try:
        return path.is_file() and is_dicom(str(path))
    except FileError:
        return False


def _chosen(
    folder: str, files: tuple[DicomFile, ...], series: str, required_series: str
) -> tuple[DicomFile, ...]:
    groups: dict[str, list[DicomFile]] = {}
    for file in files:
        groups.setdefault(file.series, []).append(file)
    requested = required_series or (series if len(groups) > 1 else "")
    if requested in groups:
        return tuple(groups[requested])
    if len(groups) == 1 and not requested:
        return files
    lines = [_line(name, group) for name, group in groups.items()]
    listed = ", ".join(lines[:_SERIES_LISTED])
    more = len(lines) - _SERIES_LISTED
    listed += f" and {more} more" if more > 0 else ""
    first = next(iter(groups))
    missing = f"it has no DICOM series {requested}; " if requested else ""
    raise FileError(
        folder,
        f"{missing}it holds {len(groups)} DICOM series: {listed}",
        f"choose one: load `{folder}#{first}`, or voxgpu run --series {shlex.quote(first)}",
    )


def _line(name: str, group: list[DicomFile]) -> str:
    described = group[0].description
    files = f"{len(group)} file{'s' * (len(group) > 1)}"
    return f"{name or 'without a name'} ({files}{', ' * bool(described)}{described})"


def _check_not_mosaic(path: str, files: tuple[DicomFile, ...]) -> None:
    for file in files:
        if "MOSAIC" in dict(file.frames[0].labels).get("ImageType", ""):
            raise FileError(
                path,
                "its DICOM slices are mosaics: one picture of all slices of a volume",
                f"convert it first: dcm2niix -z y -o . {shlex.quote(path)}",
            )


def _check_not_twice(path: str, files: tuple[DicomFile, ...]) -> None:
    known: dict[str, str] = {}
    for file in files:
        if file.instance and file.instance in known:
            raise FileError(
                path,
                f"`{Path(known[file.instance]).name}` and `{Path(file.path).name}` are the same "
                "DICOM slice twice",
                "remove one of each",
            )
        known[file.instance] = file.path


def _element(path: str, frames: tuple[Frame, ...]) -> str:
    """The type for the values of all frames: the stored one, an exact integer type, or float32."""
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
