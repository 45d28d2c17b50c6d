"""Comparison of two image files, voxel by voxel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.files.header import Header, read_header
from voxgpu.files.options import ReadOptions
from voxgpu.files.read import read_image
from voxgpu.files.write import file_digest
from voxgpu.frozen import frozen


@frozen
class Difference:
    """The first voxel at which two files differ.

    voxel   its index along (x, y, z), or (x, y)
    volume  the index of its volume; None if the files hold one image each
    before  its value in the first file; for colors of each channel
    now     its value in the second file
    """

    voxel: tuple[int, ...]
    volume: int | None
    before: Any
    now: Any


@frozen
class Comparison:
    """How two image files compare.

    is_same_file  all bytes are equal
    remarks       differences of type and geometry; with another shape, voxels are not compared
    voxels        the number of voxels that were compared
    different     how many of them differ; NaN equals NaN
    first         the first of them, in the order of the file
    largest       the largest difference, of finite values
    """

    is_same_file: bool
    remarks: tuple[str, ...] = ()
    voxels: int = 0
    different: int = 0
    first: Difference | None = None
    largest: float = 0.0

    @property
    def is_equal(self) -> bool:
        """Whether the files hold the same image."""
        return self.is_same_file or not (self.remarks or self.different)

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        first = self.first
        return {
            "equal": self.is_equal,
            "same_bytes": self.is_same_file,
            "remarks": list(self.remarks),
            "voxels": self.voxels,
            "different": self.different,
            "largest": self.largest,
            "first": None
            if first is None
            else {
                "voxel": list(first.voxel),
                "volume": first.volume,
                "before": _plain(first.before),
                "now": _plain(first.now),
            },
        }


def compare_files(before: Path, now: Path, options: ReadOptions) -> Comparison:
    """Compare two image files. Raises FileError if one cannot be read."""
    if file_digest(before) == file_digest(now):
        header = read_header(now, options)
        return Comparison(True, voxels=header.grid.voxels * header.volumes)
    ours, theirs = read_header(before, options), read_header(now, options)
    remarks = []
    if ours.element != theirs.element:
        remarks.append(f"voxels were {ours.element} and are {theirs.element}")
    if not ours.grid.agrees_with(theirs.grid):
        remarks.append(f"the grid was {ours.grid} and is {theirs.grid}")
    if ours.volumes != theirs.volumes:
        remarks.append(f"there were {ours.volumes} volumes and are {theirs.volumes}")
    if ours.channels != theirs.channels:
        remarks.append(f"there were {ours.channels} channels and are {theirs.channels}")
    alike = ("volumes", "channels")
    if ours.grid.shape != theirs.grid.shape or any(
        getattr(ours, each) != getattr(theirs, each) for each in alike
    ):
        return Comparison(False, tuple(remarks))
    return _compared(ours, theirs, tuple(remarks))


def _compared(ours: Header, theirs: Header, remarks: tuple[str, ...]) -> Comparison:
    count = different = 0
    largest, first = 0.0, None
    is_one = ours.volumes == 1
    for volume in range(ours.volumes):
        pair = [read_image(each if is_one else each.at(volume)).array for each in (ours, theirs)]
        unequal = _unequal(pair[0], pair[1])
        if ours.channels > 1:
            unequal = np.asarray(unequal.any(axis=-1))
        count += unequal.size
        places = int(np.count_nonzero(unequal))
        if not places:
            continue
        different += places
        largest = max(largest, _largest(pair[0][unequal], pair[1][unequal]))
        if first is None:
            place = np.unravel_index(int(np.argmax(unequal)), unequal.shape)
            index = tuple(int(each) for each in reversed(place))
            values = [each[place].tolist() for each in pair]
            first = Difference(index, None if is_one else volume, *values)
    return Comparison(False, remarks, count, different, first, largest)


def _unequal(ours: npt.NDArray[Any], theirs: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    unequal: npt.NDArray[Any] = np.asarray(np.not_equal(ours, theirs))
    if ours.dtype.kind == "f" and theirs.dtype.kind == "f":
        unequal = np.asarray(unequal & ~(np.isnan(ours) & np.isnan(theirs)))
    return unequal


def _largest(ours: npt.NDArray[Any], theirs: npt.NDArray[Any]) -> float:
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.abs(theirs.astype(np.float64) - ours.astype(np.float64))
    finite = distance[np.isfinite(distance)]
    return float(finite.max()) if finite.size else 0.0


def _plain(value: Any) -> Any:
    """A voxel as JSON data: what JSON has no number for is a text."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return value
