"""What image is in a file, as far as its header tells?"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from voxgpu.files.dicom_choice import READING, is_dicom, without_fragment
from voxgpu.files.errors import FileError
from voxgpu.files.geometry import grid_of, python_command
from voxgpu.files.isolated_reader import limits_of, read_apart
from voxgpu.files.mgh_name import READING as MGH
from voxgpu.files.mgh_name import is_mgh
from voxgpu.files.options import AS_USUAL, ReadOptions
from voxgpu.files.paths import existing, what_it_looks_like
from voxgpu.files.state import FileState, changed_while_read, check_unchanged, state, state_of
from voxgpu.image import Grid
from voxgpu.types import ELEMENT_BYTES

if TYPE_CHECKING:
    from voxgpu.files.in_memory import InMemoryFile
    from voxgpu.files.itk import Information


_FIRST_CHANNEL = "s.VectorIndexSelectionCast(s.ReadImage({!r}), 0)"


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of an image before its voxels are read.

    path      the file, or the folder of a DICOM series; absolute, folders resolved
    grid      where the voxels lie, in 2-D or 3-D; an axis of one voxel is an axis
    element   NumPy's name of the voxel type in the file, such as ``int16``
    channels  1, or 3 or 4 for colors
    files     every file whose bytes bear on the image, absolute: the header's first, then
              detached voxels, or the slices of a series in order
    warnings  warnings about the header, such as two orientations that differ, each with what was
              taken
    reading   what else decides on the voxels and their place, besides the bytes of the files
    states    the state of each of ``files`` when the header was read; empty where that is not
              known. Voxels that are read later must come from files in these states.
    given     the image itself, where it is in memory and in no file
    volumes   how many such images are in the files, one after the other
    volume    which of several this one is, from 0; None where there is one, and for all of them
    """

    path: str
    grid: Grid
    element: str
    channels: int
    files: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    reading: tuple[str, ...] = ()
    states: tuple[FileState, ...] = field(default=(), compare=False)
    given: InMemoryFile | None = field(default=None, compare=False, repr=False)
    volumes: int = 1
    volume: int | None = None

    @property
    def bytes(self) -> int:
        """Memory that the voxels take, of one volume where there are several."""
        return self.grid.voxels * self.channels * ELEMENT_BYTES[self.element]

    def at(self, index: int) -> Header:
        """The header of one of several volumes. What it holds is told with all of them."""
        reading = (*self.reading, f"volume {index}")
        return replace(self, reading=reading, volumes=1, volume=index, warnings=())


def read_header(path: Path, options: ReadOptions = AS_USUAL) -> Header:
    """The header of an image file, or of a folder of DICOM files; reads no voxels.

    ``folder#UID`` is one of the series in a folder.

    Raises FileError for whatever is not there, not an image, not a 2-D or 3-D image of real
    numbers or colors, or in NIfTI and MGH several of them, for files that are shorter than their
    header promises, and for those that change meanwhile.
    """
    named, series = without_fragment(str(path))
    place = existing(Path(named))
    before = _states_at(place)
    try:
        header = _read(place, options, series)
    except FileError:
        check_unchanged(tuple(before.values()))  # which would explain it
        raise
    states = tuple(map(state, header.files))
    for each in states:
        if before.get(each[0], each) != each:
            raise changed_while_read(each[0])
    return replace(header, states=states)


def _states_at(place: str) -> dict[str, FileState]:
    """The state of a file, or of the files in a folder; not of what is named within files."""
    try:
        if not Path(place).is_dir():
            return {place: state(place)}
        with os.scandir(place) as entries:
            return {each.path: state_of(each.path, each.stat()) for each in entries}
    except OSError:
        return {}  # reading will say what is wrong


def _read(place: str, options: ReadOptions, series: str) -> Header:
    if Path(place).is_dir() or is_dicom(place):
        within = limits_of(_files_within(place))
        return read_apart(place, within, _dicom_header, place, options, series)
    from voxgpu.files.nifti_read import nifti_files

    files = nifti_files(place)
    header = _nifti_header(place, files, options) if files else None
    if is_mgh(place):
        from voxgpu.files.mgh import check_reader

        check_reader(place)
        header = read_apart(place, limits_of([place]), _mgh_header, place)
    return header or read_apart(place, limits_of([place]), other_header, place)


def _mgh_header(place: str) -> Header:
    from voxgpu.files.mgh import mgh_information

    information, volumes = mgh_information(place)
    return replace(_header(place, information, (place,)), volumes=volumes, reading=(MGH,))


def _files_within(place: str) -> list[str]:
    if not Path(place).is_dir():
        return [place]
    try:
        with os.scandir(place) as entries:
            return [each.path for each in entries]
    except OSError:
        return []  # reading will say what is wrong


def _dicom_header(place: str, options: ReadOptions, series: str) -> Header:
    from voxgpu.files.dicom import dicom_image

    image = dicom_image(place, options.series, series)
    return Header(
        place, image.grid, image.element, image.channels, image.files, image.warnings, (READING,)
    )


def _nifti_header(place: str, files: tuple[str, ...], options: ReadOptions) -> Header | None:
    from voxgpu.files.nifti_information import nifti_information
    from voxgpu.files.nifti_read import read_nifti_header
    from voxgpu.files.nifti_time import first_volume, with_time

    header = read_nifti_header(files)
    if header is None:
        if len(files) == 2:  # other formats have files with these names too
            return None
        reason = what_it_looks_like(place) or "it has no NIfTI header, although its name says so"
        raise FileError(place, reason)
    said = nifti_information(place, header, options)
    information, volumes = first_volume(said.information)
    result = _header(place, information, files, said.fields, said.sheared)
    if volumes > 1:
        result = replace(result, volumes=volumes, grid=with_time(result.grid, header))
    if result.grid.voxels * result.channels * volumes != header.components:
        raise FileError(place, "its header is damaged: its dimensions contradict its voxel type")
    return replace(result, warnings=said.warnings, reading=said.reading)


def other_header(place: str) -> Header:
    """The header of a file in a format that SimpleITK or tifffile reads; may crash if damaged."""
    from voxgpu.files.detached import packing_of
    from voxgpu.files.integrity import check_whole
    from voxgpu.files.itk import information
    from voxgpu.files.tiff_kind import needs_tifffile

    check_whole(place, 0)  # first, since ITK trusts files more than it should
    if needs_tifffile(place):
        return _tiff_header(place)
    try:
        said = information(place)
    except FileError as problem:
        looks = "" if problem.help else what_it_looks_like(place)
        raise FileError(place, looks or problem.reason, problem.help) from None
    packing = packing_of(place)
    header = _header(place, said, packing.files if packing else (place,))
    check_whole(place, header.bytes)
    return header


def _tiff_header(place: str) -> Header:
    from voxgpu.files.integrity import check_whole
    from voxgpu.files.tiff_kind import READING
    from voxgpu.files.tiff_read import tiff_information

    header = replace(_header(place, tiff_information(place), (place,)), reading=(READING,))
    check_whole(place, header.bytes)
    return header


def _header(
    place: str,
    information: Information,
    files: tuple[str, ...],
    nifti: bytes = b"",
    sheared: str = "",
) -> Header:
    element, channels = information.element, information.channels
    if "complex" in information.voxel:
        raise FileError(place, "its voxels are complex numbers", "save its magnitude first")
    if not element:
        raise FileError(place, f"its voxels are of a type without use here: {information.voxel}")
    if channels not in (1, 3, 4):
        raise FileError(
            place,
            f"its voxels have {channels} channels; images have 1, or 3 or 4 for colors",
            f"pick one first: {python_command(place, _FIRST_CHANNEL)}",
        )
    return Header(place, grid_of(place, information, nifti, sheared), element, channels, files)
