"""Reading of single volumes of a NIfTI file, without reading more than necessary.

Uncompressed voxels are read at their offset. Gzip data must be decompressed from the start, and its
checksum comes last: so it is decompressed to the end once, and then, as volumes are requested in
roughly ascending order, from where the last one ended. Volumes that were skipped nearby are held
for a while, since several threads do not request in strict order, and programs may go backward.
Programs may also read several files at once, so the decompression state of a few files is kept.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.files.errors import FileError
from voxgpu.files.nifti import DATATYPES, NiftiHeader
from voxgpu.files.nifti_read import (
    FOLLOWED,
    Followed,
    decode_voxels,
    fill,
    following,
    open_unpacked,
    read_to_end,
    read_voxels,
    skip,
    truncated,
)
from voxgpu.files.paths import beginning, file_size
from voxgpu.files.state import FileState
from voxgpu.forking import call_in_child

Voxels = npt.NDArray[Any]

#: Bytes of skipped volumes that are held, for all files together.
_HELD_BYTES = 48 << 20

#: How many files may be partly decompressed at a time.
_MOST_FILES = 16


def read_volume(
    path: str,
    header: NiftiHeader,
    index: int,
    element: str,
    zeros: bool = False,
    states: tuple[FileState, ...] = (),
) -> tuple[Voxels, str]:
    """Read volume ``index``, from 0; return it with a warning or '', as `read_voxels` does.

    ``states`` identifies the content of the file: equal states continue an earlier read; empty
    starts anew. Raises FileError if the file is truncated or its gzip data is damaged, in any
    volume.
    """
    one = replace(header, dim=header.dim[:3])
    if beginning(path, 2) != b"\x1f\x8b":
        placed = replace(one, offset=header.offset + index * one.voxel_bytes)
        voxels, _ = read_voxels(path, placed, element, zeros)
        return voxels, following(file_size(path) - int(header.offset) - header.voxel_bytes)
    voxels, odd = _unpackings.volume(path, header, one, index, states)
    return decode_voxels(voxels, one, element, zeros), odd


def _volumes(
    path: str, header: NiftiHeader, one: NiftiHeader, fast: bool
) -> Generator[Voxels, None, str]:
    """Yield all volumes in order, as stored; return a warning about the end of the file.

    Only after the last one is the data known to be intact.
    """
    stored, channels = DATATYPES[one.datatype]
    shape = one.dim[::-1] + (channels,) * (channels > 1)
    with open_unpacked(path, fast) as file:
        try:
            skip(file, int(header.offset))
            for _ in range(header.dim[3]):
                voxels = np.empty(shape, stored)
                if fill(file, voxels.reshape(-1).view(np.uint8).data) < voxels.nbytes:
                    raise EOFError
                yield voxels
            return read_to_end(file, header.voxel_bytes)
        except EOFError:
            kind = Followed if fast else FileError
            raise kind(path, truncated(header.voxel_bytes)) from None


class _Unpackings:
    """The partly decompressed files, least recently used first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[tuple[FileState, ...], _Unpacking] = {}

    def volume(
        self,
        path: str,
        header: NiftiHeader,
        one: NiftiHeader,
        index: int,
        states: tuple[FileState, ...],
    ) -> tuple[Voxels, str]:
        """Return a volume, as stored, and the warning about the file."""
        with self._lock:
            file = self._files.pop(states, None) or _Unpacking(path, header, one)
            room = _HELD_BYTES // (len(self._files) + 1)
            for each in self._files.values():
                each.evict_until(room)
            voxels = file.volume(index, room)
            if states and not file.is_done:
                self._files[states] = file
                if len(self._files) > _MOST_FILES:
                    del self._files[next(iter(self._files))]
            return voxels


class _Unpacking:
    """The state of decompressing one file, with the volumes that were skipped."""

    def __init__(self, path: str, header: NiftiHeader, one: NiftiHeader) -> None:
        self._path, self._header, self._one = path, header, one
        self._is_fast = True
        self._wanted = self._room = 0
        self._begin()

    def _begin(self) -> None:
        self._volumes: Generator[Voxels, None, str] | None = None
        self._odd = ""
        self._next = 0
        self._held: dict[int, Voxels] = {}
        self._given: set[int] = set()
        self._is_sound = False

    @property
    def is_done(self) -> bool:
        """Whether every volume was returned, so that no more requests are expected."""
        return len(self._given) == self._header.dim[3]

    def volume(self, index: int, room: int) -> tuple[Voxels, str]:
        """Return a volume, as stored, and the warning; keep at most ``room`` bytes of others."""
        self._wanted, self._room = index, room
        try:
            voxels = self._found(index)
        except Followed:
            self._is_fast = False
            self._begin()
            voxels = self._found(index)
        self._given.add(index)
        return voxels, self._odd or ("" if self._is_fast else FOLLOWED)

    def evict_until(self, room: int) -> None:
        """Keep at most ``room`` bytes of volumes, those nearest to the one requested last.

        That one is not counted, and is kept in any case.
        """
        while sum(v.nbytes for n, v in self._held.items() if n != self._wanted) > room:
            del self._held[max(self._held, key=lambda number: abs(number - self._wanted))]

    def _found(self, index: int) -> Voxels:
        if not self._is_sound:
            self._pass_over(self._header.dim[3])
            self._is_sound = True
        if index not in self._held:
            self._pass_over(index + 1)
        return self._held.pop(index)

    def _pass_over(self, stop: int) -> None:
        """Decompress up to the volume ``stop``; after the last one, to the end of the file."""
        if self._volumes is None or self._next > self._wanted:
            self._volumes = _volumes(self._path, self._header, self._one, self._is_fast)
            self._next = 0
        while True:
            try:
                voxels = next(self._volumes)
            except StopIteration as end:
                self._volumes, self._odd = None, end.value
                return
            number = self._next
            self._next += 1
            if number == self._wanted or number not in self._given:
                self._held[number] = voxels
                self.evict_until(self._room)
            if self._next == stop < self._header.dim[3]:
                return


_unpackings = _Unpackings()


def _begin_anew() -> None:
    """Reset after a fork: the file offset is shared with the parent, and the lock may be held."""
    global _unpackings
    _unpackings = _Unpackings()


call_in_child(_begin_anew)
