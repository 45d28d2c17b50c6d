"""Writing of several images as one NIfTI file, volume by volume as they are computed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import xxhash

from voxgpu.files.formats import FORMATS, suffix_of
from voxgpu.files.nifti_time import volumes_header
from voxgpu.files.pack import check_whole_pack, packing
from voxgpu.files.write import Written, atomic_file, file_digest
from voxgpu.float32 import as_float32
from voxgpu.image import Image

_Result = TypeVar("_Result")


class VolumesFile:
    """A file under construction; it is renamed to its final name when all volumes are in it.

    Booleans are written as 0 and 1 of uint8, float64 as float32, other types as they are; all
    volumes have the type and the grid of the first. Any exception removes the partial file.
    """

    def __init__(self, path: Path, count: int) -> None:
        self._path = path
        self._count = count
        self._suffix = suffix_of(path)
        self._is_packed = FORMATS[self._suffix].is_packed
        self._next = 0
        self._is_open = False
        self._outer, self._inner = ExitStack(), ExitStack()
        self._digest = xxhash.xxh3_128()
        self._bytes = 0

    def add(self, index: int, image: Image) -> Written | None:
        """Write the volume with this index; return the result of the file after the last one.

        A volume out of order, since another one failed, abandons the file. Raises FileError if the
        disk does not take the file.
        """
        if index == 0:
            self._guarded(lambda: self._open(image))
        if index != self._next or not self._is_open:
            self.abandon()
            return None
        self._next += 1
        voxels = _stored(image)
        self._guarded(lambda: self._put(voxels))
        return self._guarded(self._finish) if self._next == self._count else None

    def abandon(self) -> None:
        """Remove what has been written, unless the file is complete."""
        if self._is_open:
            self._is_open = False
            self._close(_Abandoned())

    def _open(self, image: Image) -> None:
        self._is_open = True
        self._unfinished = self._outer.enter_context(atomic_file(self._path, self._suffix))
        file = self._inner.enter_context(self._unfinished.open("wb"))
        self._target: Any = file
        if self._is_packed:
            self._target = self._inner.enter_context(packing(file))
        voxels = _stored(image)
        self._put_bytes(volumes_header(image.grid, voxels.dtype.name, image.channels, self._count))

    def _put(self, voxels: npt.NDArray[Any]) -> None:
        little = np.ascontiguousarray(voxels, voxels.dtype.newbyteorder("<"))
        self._put_bytes(little.reshape(-1).view(np.uint8).data)

    def _put_bytes(self, data: Any) -> None:
        self._target.write(data)
        self._digest.update(data)
        self._bytes += memoryview(data).nbytes

    def _finish(self) -> Written:
        self._inner.close()
        if self._is_packed:
            check_whole_pack(self._unfinished, self._bytes, self._digest.digest(), self._path)
        digest = file_digest(self._unfinished)
        self._outer.close()
        self._is_open = False
        return Written((), digest)

    def _guarded(self, work: Callable[[], _Result]) -> _Result:
        try:
            return work()
        except BaseException as error:
            self._is_open = False
            self._close(error)
            raise

    def _close(self, error: BaseException) -> None:
        """Close and remove the file; raise a FileError in place of a system error."""
        with suppress(OSError):  # the partial file is removed anyway
            self._inner.close()
        with suppress(_Abandoned):
            self._outer.__exit__(type(error), error, error.__traceback__)


class _Abandoned(Exception):
    """Writing the file was given up."""


def _stored(image: Image) -> npt.NDArray[Any]:
    array = image.array
    if array.dtype == np.bool_:
        return np.ascontiguousarray(array).view(np.uint8)
    if array.dtype == np.float64:
        return as_float32(array)
    return array
