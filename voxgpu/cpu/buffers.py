"""Where do arrays of a run get their memory? From arrays that nobody looks at any more.

Fresh memory costs as much as writing it twice, because the system clears each page of it first. A
buffer is free as soon as nothing refers to it but this list; nobody has to give it back, so nobody
can give it back too early.
"""

from __future__ import annotations

import sys
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

#: What is smaller comes from the ordinary allocator, which reuses it by itself.
SMALLEST = 1 << 20

#: References to a free buffer while it is looked at: the list's, the loop's and the call's own.
_UNUSED = 3


class Buffers:
    """Memory by size. ``idle`` bytes at most are held for nobody."""

    def __init__(self, idle: int = 48 << 20) -> None:
        self._idle = idle
        self._buffers: list[npt.NDArray[np.uint8]] = []
        self._lock = Lock()
        #: How often memory was used again.
        self.reused = 0

    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """An array of any content, contiguous, like ``numpy.empty``."""
        element = np.dtype(dtype)
        size = int(np.prod(shape, dtype=np.int64)) * element.itemsize
        if size < SMALLEST:
            return np.empty(shape, element)
        with self._lock:
            buffer = self._free(size)
        return buffer.view(element).reshape(shape)

    def _free(self, size: int) -> npt.NDArray[np.uint8]:
        """A free buffer of this size; holds on to it, and lets go of what has been idle longest."""
        idle = 0
        kept: list[npt.NDArray[np.uint8]] = []
        found = None
        while self._buffers:
            each = self._buffers.pop()  # the youngest first
            # Here the list does not refer to it any more.
            if sys.getrefcount(each) < _UNUSED:
                if found is None and each.nbytes == size:
                    found = each
                    self.reused += 1
                    continue
                idle += each.nbytes
                if idle > self._idle:
                    continue
            kept.append(each)
        self._buffers = kept[::-1]
        if found is None:
            found = np.empty(size, np.uint8)
        self._buffers.append(found)
        return found

    def drop_idle(self) -> None:
        """Lets go of what nobody uses."""
        kept: list[npt.NDArray[np.uint8]] = []
        with self._lock:
            while self._buffers:
                each = self._buffers.pop()
                # Here the list does not refer to it any more.
                if sys.getrefcount(each) >= _UNUSED:
                    kept.append(each)
            self._buffers = kept[::-1]

    def clear(self) -> None:
        """Lets go of everything; arrays in use stay what they are."""
        with self._lock:
            self._buffers.clear()
