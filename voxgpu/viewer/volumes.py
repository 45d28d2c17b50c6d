"""Images as the page gets them: what their headers say, and NIfTI files in a temporary folder."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from voxgpu.files.errors import FileError
from voxgpu.files.header import Header, read_header
from voxgpu.files.options import AS_USUAL, ReadOptions
from voxgpu.files.read import read_image
from voxgpu.files.suffixes import image_suffix
from voxgpu.files.write import write_image
from voxgpu.frozen import frozen
from voxgpu.image import Image
from voxgpu.viewer.problem import Problem
from voxgpu.viewer.roots import OpenedRoots

#: The suffix of what the page gets.
SUFFIX = ".nii.gz"


@frozen
class _Known:
    """What was found about a file in one state: the least and the greatest value."""

    header: Header
    minimum: float | None
    maximum: float | None


class Volumes:
    """Images of the opened files, converted where a browser could not read them.

    folder  where converted files are, as long as the viewer runs
    """

    def __init__(self, roots: OpenedRoots, folder: Path, read: ReadOptions = AS_USUAL) -> None:
        self._roots, self._folder, self._read = roots, folder, read
        self._allowed = roots.allowed()
        self._known: dict[str, _Known] = {}
        self._lock = Lock()

    def describe(self, id: str) -> Mapping[str, Any]:
        """Size, spacing, element type and range of an image. Raises Problem."""
        path, header = self._header(id)
        known = self._known.get(id)
        if known is None or known.header.states != header.states or known.header != header:
            image = _read(path, header)
            known = _Known(header, *_range(image))
            self._known[id] = known
        grid = header.grid
        return {
            "size": list(reversed(grid.shape)),
            "spacing": list(reversed(grid.spacing)),
            "components": header.channels,
            "volumes": header.volumes,
            "type": header.element,
            "minimum": known.minimum,
            "maximum": known.maximum,
            "label": path.name,
        }

    def nifti(self, id: str) -> Path:
        """The path of a compressed NIfTI-1 file with an image. Raises Problem."""
        path, header = self._header(id)
        if path.name.lower().endswith(SUFFIX) and _is_nifti_1(path):
            return path
        state = sha256(repr((str(path), header.states, header.reading)).encode()).hexdigest()
        converted = self._folder / f"{state}{SUFFIX}"
        with self._lock:  # the same file may be asked for twice at once
            if not converted.exists():
                write_nifti(converted, _read(path, header))
        return converted

    def _header(self, id: str) -> tuple[Path, Header]:
        path = self._roots.file_of(id)
        if path.is_file() and not image_suffix(path) and path.suffix:
            raise Problem(415, f"`{id}` is no image", "images are known by their suffix, or DICOM")
        try:
            header = read_header(path, self._read)
            # A header may name files with voxels that lie anywhere.
            self._allowed.check_read_all(header.files)
        except FileError as error:
            raise unreadable(id, error) from None
        return path, header


def unreadable(id: str, error: FileError) -> Problem:
    """The answer to a file that cannot be read; its path is told by its id."""
    return Problem(422, f"`{id}` cannot be read: {error.reason}", error.help)


def write_nifti(path: Path, image: Image) -> None:
    """Write an image as NIfTI for the page: numbers of 64 bits have 32. Raises FileError."""
    array = image.array
    if array.dtype in (np.float64, np.int64, np.uint64):
        image = Image(array.astype(np.float32), image.grid)
    elif image.channels > 1 and array.dtype != np.uint8:
        low, high = _range(image)
        scale = 255.0 / ((high or 0.0) - (low or 0.0) or 1.0)
        scaled = np.clip((array.astype(np.float64) - (low or 0.0)) * scale, 0, 255)
        image = Image(np.rint(scaled).astype(np.uint8), image.grid)
    write_image(path, image)


def _read(path: Path, header: Header) -> Image:
    """The image of a header; of several volumes the first."""
    try:
        return read_image(header.at(0) if header.volumes > 1 else header)
    except FileError as error:
        raise unreadable(path.name, error) from None


def _range(image: Image) -> tuple[float | None, float | None]:
    """The least and the greatest number; None where there is none, as among NaN."""
    array = image.array
    if array.dtype.kind == "f":
        array = array[np.isfinite(array)]
    return (float(array.min()), float(array.max())) if array.size else (None, None)


def _is_nifti_1(path: Path) -> bool:
    """Whether a compressed file is NIfTI-1 as a whole, rather than NIfTI-2 or Analyze."""
    try:
        with gzip.open(path, "rb") as file:
            start = file.read(348)
    except (OSError, EOFError, ValueError):
        return False
    sizes = {struct.unpack(f"{order}i", start[:4])[0] for order in "<>" if len(start) == 348}
    return 348 in sizes and start[344:348] == b"n+1\0"
