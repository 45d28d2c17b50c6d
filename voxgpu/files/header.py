"""Headers of image files: grid, voxel type and files of an image before its voxels are read."""

from __future__ import annotations

import os
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from voxgpu.files.dicom_choice import READING, is_dicom, without_fragment
from voxgpu.files.errors import FileError
from voxgpu.files.geometry import grid_of, python_command
from voxgpu.files.isolated_reader import limits_of, read_isolated
from voxgpu.files.mgh_name import READING as MGH
from voxgpu.files.mgh_name import is_mgh
from voxgpu.files.options import AS_USUAL, ReadOptions
from voxgpu.files.paths import describe_non_image, existing_path
from voxgpu.files.state import FileState, changed_while_read, check_unchanged, state, state_of
from voxgpu.frozen import frozen
from voxgpu.image import Grid
from voxgpu.types import ELEMENT_BYTES

if TYPE_CHECKING:
    from voxgpu.files.in_memory import InMemoryFile
    from voxgpu.files.itk import Information


_FIRST_CHANNEL = "s.VectorIndexSelectionCast(s.ReadImage({!r}), 0)"


@frozen(slots=True)
class Header:
    """Everything known of an image before its voxels are read.

    path       the file, or the folder of a DICOM series; absolute, folders resolved
    grid       geometry of the voxels, in 2-D or 3-D; an axis of one voxel counts as an axis
    element    NumPy's name of the voxel type in the file, such as ``int16``
    channels   1, or 3 or 4 for colors
    files      every file that contributes to the image, absolute: the header's first, then
               detached voxels, or the slices of a series in order
    warnings   warnings about the header, such as two orientations that differ, each with the
               interpretation taken
    reading    what else determines voxels and geometry, besides the bytes of the files
    states     the state of each of ``files`` when the header was read; empty if unknown. Voxels
               that are read later must come from files in these states.
    in_memory  the image itself, if it is in memory and not in a file
    volumes    number of volumes of this size in the files, one after the other
    volume     index of this volume among several, from 0; None for a single volume and for all
    """

    path: str
    grid: Grid
    element: str
    channels: int
    files: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    reading: tuple[str, ...] = ()
    states: tuple[FileState, ...] = field(default=(), compare=False)
    in_memory: InMemoryFile | None = field(default=None, compare=False, repr=False)
    volumes: int = 1
    volume: int | None = None

    @property
    def bytes(self) -> int:
        """Bytes of memory for the voxels, of one volume if there are several."""
        return self.grid.voxels * self.channels * ELEMENT_BYTES[self.element]

    def at(self, index: int) -> Header:
        """The header of one of several volumes, without the warnings of the whole file."""
        reading = (*self.reading, f"volume {index}")
        return replace(self, reading=reading, volumes=1, volume=index, warnings=())


def read_header(path: Path, options: ReadOptions = AS_USUAL) -> Header:
    """Read the header of an image file, or of a folder of DICOM files, without voxels.

    ``folder#UID`` selects one of the series in a folder.

    Raises FileError for paths that do not exist, files that are not images, images that are not 2-D
    or 3-D (in NIfTI and MGH, several volumes are allowed) or whose voxels are not real numbers or
    colors, files shorter than their header promises, and files that change meanwhile.
    """
    named, series = without_fragment(str(path))
    absolute = existing_path(Path(named))
    before = _states_at(absolute)
    try:
        header = _read(absolute, options, series)
    except FileError:
        check_unchanged(tuple(before.values()))  # a change would explain the error
        raise
    states = tuple(map(state, header.files))
    for each in states:
        if before.get(each[0], each) != each:
            raise changed_while_read(each[0])
    return replace(header, states=states)


def _states_at(path: str) -> dict[str, FileState]:
    """States of a file, or of the files in a folder; not of files named within others."""
    try:
        if not Path(path).is_dir():
            return {path: state(path)}
        with os.scandir(path) as entries:
            return {each.path: state_of(each.path, each.stat()) for each in entries}
    except OSError:
        return {}  # reading reports what is wrong


def _read(path: str, options: ReadOptions, series: str) -> Header:
    if Path(path).is_dir() or is_dicom(path):
        within = limits_of(_files_within(path))
        return read_isolated(path, within, _dicom_header, path, options, series)
    from voxgpu.files.nifti_read import nifti_files

    files = nifti_files(path)
    header = _nifti_header(path, files, options) if files else None
    if is_mgh(path):
        from voxgpu.files.mgh import check_reader

        check_reader(path)
        header = read_isolated(path, limits_of([path]), _mgh_header, path)
    return header or read_isolated(path, limits_of([path]), other_header, path)


def _mgh_header(path: str) -> Header:
    from voxgpu.files.mgh import mgh_information

    information, volumes = mgh_information(path)
    return replace(_header(path, information, (path,)), volumes=volumes, reading=(MGH,))


def _files_within(path: str) -> list[str]:
    if not Path(path).is_dir():
        return [path]
    try:
        with os.scandir(path) as entries:
            return [each.path for each in entries]
    except OSError:
        return []  # reading reports what is wrong


def _dicom_header(path: str, options: ReadOptions, series: str) -> Header:
    from voxgpu.files.dicom import dicom_image

    image = dicom_image(path, options.series, series)
    return Header(
        path, image.grid, image.element, image.channels, image.files, image.warnings, (READING,)
    )


def _nifti_header(path: str, files: tuple[str, ...], options: ReadOptions) -> Header | None:
    from voxgpu.files.nifti_information import nifti_information
    from voxgpu.files.nifti_read import read_nifti_header
    from voxgpu.files.nifti_time import first_volume, with_time

    header = read_nifti_header(files)
    if header is None:
        if len(files) == 2:  # other formats also use such pairs of names
            return None
        reason = describe_non_image(path) or "it has no NIfTI header, although its name says so"
        raise FileError(path, reason)
    described = nifti_information(path, header, options)
    information, volumes = first_volume(described.information)
    result = _header(path, information, files, described.fields, described.sheared)
    if volumes > 1:
        result = replace(result, volumes=volumes, grid=with_time(result.grid, header))
    if result.grid.voxels * result.channels * volumes != header.components:
        raise FileError(path, "its header is damaged: its dimensions contradict its voxel type")
    return replace(result, warnings=described.warnings, reading=described.reading)


def other_header(path: str) -> Header:
    """Read the header of a format that SimpleITK or tifffile reads; may crash on damaged files."""
    from voxgpu.files.detached import packing_of
    from voxgpu.files.integrity import check_whole
    from voxgpu.files.itk import information
    from voxgpu.files.tiff_kind import needs_tifffile

    check_whole(path, 0)  # first, since ITK trusts files more than it should
    if needs_tifffile(path):
        return _tiff_header(path)
    try:
        described = information(path)
    except FileError as problem:
        looks = "" if problem.help else describe_non_image(path)
        raise FileError(path, looks or problem.reason, problem.help) from None
    packing = packing_of(path)
    header = _header(path, described, packing.files if packing else (path,))
    check_whole(path, header.bytes)
    return header


def _tiff_header(path: str) -> Header:
    from voxgpu.files.integrity import check_whole
    from voxgpu.files.tiff_kind import READING
    from voxgpu.files.tiff_read import tiff_information

    header = replace(_header(path, tiff_information(path), (path,)), reading=(READING,))
    check_whole(path, header.bytes)
    return header


def _header(
    path: str,
    information: Information,
    files: tuple[str, ...],
    nifti: bytes = b"",
    sheared: str = "",
) -> Header:
    element, channels = information.element, information.channels
    if "complex" in information.voxel:
        raise FileError(path, "its voxels are complex numbers", "save its magnitude first")
    if not element:
        raise FileError(path, f"its voxels are of a type without use here: {information.voxel}")
    if channels not in (1, 3, 4):
        raise FileError(
            path,
            f"its voxels have {channels} channels; images have 1, or 3 or 4 for colors",
            f"pick one first: {python_command(path, _FIRST_CHANNEL)}",
        )
    return Header(path, grid_of(path, information, nifti, sheared), element, channels, files)
