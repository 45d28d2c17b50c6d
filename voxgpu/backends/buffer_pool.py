"""A pool of memory for arrays: a buffer is reused once no array refers to it any more.

Fresh memory costs as much as writing it twice, because the system clears each page of it first.

Ownership is explicit: every array from the pool has a `_Lease` at the end of its chain of bases,
which NumPy keeps alive for as long as the array or any view of it lives. The lease gives the buffer
back when it is destroyed. Reference counts are never looked at: they differ between interpreters
(CPython 3.14 borrows arguments, free-threaded builds count lazily) and under debuggers.
"""

from __future__ import annotations

from collections import deque
from math import prod
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

#: What is smaller comes from the ordinary allocator, which reuses it by itself.
SMALLEST = 1 << 20

#: Bytes of unused memory that a pool holds at most.
MOST_IDLE = 48 << 20

_Bytes = npt.NDArray[np.uint8]


class _Returned:
    """Returned buffers, most recent last. Once closed, it accepts no more.

    Buffers are returned by destructors, which run at any time on any thread, even while the
    pool's lock is held: so without a lock, by ``deque.append``, which is atomic.
    """

    def __init__(self) -> None:
        self.buffers: deque[_Bytes] = deque()
        self.closed = False


class _Lease:
    """The right to use a buffer, returned when the last array that refers to it is destroyed."""

    __slots__ = ("__array_interface__", "_buffer", "_returned")

    def __init__(self, buffer: _Bytes, returned: _Returned) -> None:
        self._buffer = buffer
        self._returned = returned
        self.__array_interface__ = buffer.__array_interface__

    def __del__(self) -> None:
        if not self._returned.closed:
            self._returned.buffers.append(self._buffer)


class BufferPool:
    """A pool of buffers by size that holds at most ``idle`` unused bytes."""

    def __init__(self, idle: int = MOST_IDLE) -> None:
        self._most_idle = idle
        self._idle: list[_Bytes] = []  # youngest last
        self._returned = _Returned()
        self._lock = Lock()
        #: How often memory was used again.
        self.reused = 0

    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """Returns an uninitialized contiguous array, like ``numpy.empty``."""
        element = np.dtype(dtype)
        size = prod(shape) * element.itemsize
        if size < SMALLEST:
            return np.empty(shape, element)
        with self._lock:
            lease = _Lease(self._take(size), self._returned)
        return np.asarray(lease).view(element).reshape(shape)

    def _take(self, size: int) -> _Bytes:
        """Returns an unused buffer of this size; frees those unused the longest."""
        self._collect()
        found = None
        kept: list[_Bytes] = []
        idle = 0
        for each in reversed(self._idle):
            if found is None and each.nbytes == size:
                found = each
                self.reused += 1
                continue
            idle += each.nbytes
            if idle <= self._most_idle:
                kept.append(each)
        self._idle = kept[::-1]
        return np.empty(size, np.uint8) if found is None else found

    def _collect(self) -> None:
        """Moves the buffers returned since the last call to the idle ones."""
        returned = self._returned.buffers
        while returned:
            self._idle.append(returned.popleft())

    def free_unused(self) -> None:
        """Frees all unused buffers."""
        with self._lock:
            self._collect()
            self._idle.clear()

    def clear(self) -> None:
        """Frees all buffers; arrays in use stay valid, and their memory is not taken back."""
        with self._lock:
            self._returned.closed = True
            self._returned = _Returned()
            self._idle.clear()
