"""One of several volumes of a NIfTI file, without reading more than that takes.

Voxels that are not packed are read where they lie. Gzip data must be unpacked from the start, and
only at its end does it tell whether all was right: so it is unpacked to the end once, and then, as
volumes are asked for in about their order, from where the last one ended. What was passed over is
held for a while, since several threads do not ask in just that order.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.files.existing import beginning, file_size
from voxgpu.files.nifti import DATATYPES, NiftiHeader
from voxgpu.files.nifti_read import (
    FOLLOWED,
    Followed,
    fill,
    following,
    meant,
    opened,
    read_to_end,
    read_voxels,
    skip,
    truncated,
)
from voxgpu.files.problem import FileProblem
from voxgpu.files.state import FileState
from voxgpu.forking import call_in_child

Voxels = npt.NDArray[Any]

#: Bytes of volumes that were passed over and are held.
_HELD_BYTES = 48 << 20


def read_volume(
    path: str,
    header: NiftiHeader,
    index: int,
    element: str,
    zeros: bool = False,
    states: tuple[FileState, ...] = (),
) -> tuple[Voxels, str]:
    """The volume number ``index``, from 0, and what is odd about the file; see `read_voxels`.

    ``states`` tells whether the file is the one that was read before; empty: read it anew.
    Raises FileProblem where the file is truncated or its gzip data is damaged, in any volume.
    """
    one = replace(header, dim=header.dim[:3])
    if beginning(path, 2) != b"\x1f\x8b":
        placed = replace(one, offset=header.offset + index * one.voxel_bytes)
        voxels, _ = read_voxels(path, placed, element, zeros)
        return voxels, following(file_size(path) - int(header.offset) - header.voxel_bytes)
    with _unpacking.lock:
        voxels, odd = _unpacking.volume(path, header, one, index, states)
    return meant(voxels, one, element, zeros), odd


def _volumes(
    path: str, header: NiftiHeader, one: NiftiHeader, fast: bool
) -> Generator[Voxels, None, str]:
    """All volumes in their order, as the file has them; then what is odd about its end.

    Only after the last one is it known to be sound.
    """
    stored, channels = DATATYPES[one.datatype]
    shape = one.dim[::-1] + (channels,) * (channels > 1)
    with opened(path, fast) as file:
        try:
            skip(file, int(header.offset))
            for _ in range(header.dim[3]):
                voxels = np.empty(shape, stored)
                if fill(file, voxels.reshape(-1).view(np.uint8).data) < voxels.nbytes:
                    raise EOFError
                yield voxels
            return read_to_end(file, header.voxel_bytes)
        except EOFError:
            kind = Followed if fast else FileProblem
            raise kind(path, truncated(header.voxel_bytes)) from None


class _Unpacking:
    """How far a file was unpacked, and what was passed over."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._states: tuple[FileState, ...] = ()
        self._volumes: Generator[Voxels, None, str] | None = None
        self._odd = ""
        self._next = 0
        self._held: dict[int, Voxels] = {}
        self._given: set[int] = set()
        self._is_fast = True
        self._is_sound = False

    def volume(
        self,
        path: str,
        header: NiftiHeader,
        one: NiftiHeader,
        index: int,
        states: tuple[FileState, ...],
    ) -> tuple[Voxels, str]:
        """The volume, as the file has it, and what is odd about the file."""
        if states != self._states or not states:
            self._forget()
            self._states = states
        try:
            found = self._found(path, header, one, index)
        except Followed:
            self._forget()
            self._states, self._is_fast = states, False
            found = self._found(path, header, one, index)
        except BaseException:
            self._forget()
            raise
        odd = self._odd or ("" if self._is_fast else FOLLOWED)
        self._given.add(index)
        if len(self._given) == header.dim[3]:
            self._forget()  # nobody is going to ask for more
        return found, odd

    def _found(self, path: str, header: NiftiHeader, one: NiftiHeader, index: int) -> Voxels:
        if not self._is_sound:
            self._pass_over(path, header, one, header.dim[3], index)
            self._is_sound = True
        if index not in self._held:
            self._pass_over(path, header, one, index + 1, index)
        return self._held.pop(index)

    def _pass_over(
        self, path: str, header: NiftiHeader, one: NiftiHeader, stop: int, wanted: int
    ) -> None:
        """Unpacks up to the volume ``stop``, to the end of the file after the last one."""
        if self._volumes is None or self._next > wanted:
            self._volumes = _volumes(path, header, one, self._is_fast)
            self._next = 0
        while True:
            try:
                voxels = next(self._volumes)
            except StopIteration as end:
                self._volumes, self._odd = None, end.value
                return
            number = self._next
            self._next += 1
            room = _HELD_BYTES - sum(each.nbytes for each in self._held.values())
            if number == wanted or (number not in self._given and voxels.nbytes <= room):
                self._held[number] = voxels
            if self._next == stop < header.dim[3]:
                return


_unpacking = _Unpacking()


def _begin_anew() -> None:
    """After a fork: the file is at another place for both, and the lock may be held by nobody."""
    global _unpacking
    _unpacking = _Unpacking()


call_in_child(_begin_anew)
