"""Pinned host memory, in blocks that are used again.

CuPy's own pool rounds sizes up to a power of two, so that up to twice as much memory is locked as
budgets count: a BraTS volume of 36 MB would take 67 MB. Here a block is as large as what it holds,
up to a page.
"""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

#: Sizes are rounded up to this: the pages that the system locks.
PAGE = 4096

#: Bytes of idle blocks beyond which they are returned to the system before more is taken.
MOST_IDLE = 1 << 30


class _Lease:
    """A block while arrays are in it; it returns to the pool when nothing refers to it any more."""

    __slots__ = ("_memory", "_returned", "ptr", "size")

    def __init__(self, memory: Any, returned: deque[Any]) -> None:
        self.ptr = memory.ptr
        self.size = memory.size
        self._memory = memory
        self._returned = returned

    def __del__(self) -> None:
        # Any thread may be here, at any time; a deque takes that.
        self._returned.append(self._memory)


class PinnedMemory:
    """The pinned memory of one device; any thread may take some.

    api     CuPy
    device  whose context allocates it: else that would make one on the first GPU
    """

    def __init__(self, api: Any, device: Any) -> None:
        self._api = api
        self._device = device
        self._lock = Lock()
        self._idle: dict[int, list[Any]] = {}
        self._returned: deque[Any] = deque()

    def array(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any] | None:
        """Returns an uninitialized array; None if it is empty or the system locks no more."""
        element = np.dtype(dtype)
        count = int(np.prod(shape, dtype=np.int64))
        if not count:
            return None
        memory = self._taken(-(-count * element.itemsize // PAGE) * PAGE)
        if memory is None:
            return None
        pointer = self._api.cuda.PinnedMemoryPointer(_Lease(memory, self._returned), 0)
        return np.frombuffer(pointer, element, count).reshape(shape)

    @property
    def idle_bytes(self) -> int:
        """Bytes of blocks that hold nothing."""
        with self._lock:
            return self._reaped()

    def release(self) -> None:
        """Returns idle blocks to the system."""
        with self._lock:
            self._reaped()
            self._freed()

    def _taken(self, size: int) -> Any:
        with self._lock:
            held = self._reaped()
            blocks = self._idle.get(size)
            if blocks:
                return blocks.pop()
            if held > MOST_IDLE:
                self._freed()
            memory = self._fresh(size)
            if memory is None and held:
                self._freed()
                memory = self._fresh(size)
            return memory

    def _fresh(self, size: int) -> Any:
        try:
            with self._device:
                return self._api.cuda.PinnedMemory(size)
        except (MemoryError, self._api.cuda.runtime.CUDARuntimeError):
            return None

    def _freed(self) -> None:
        with self._device:
            self._idle.clear()

    def _reaped(self) -> int:
        """Takes back blocks that nothing refers to; returns the bytes of all idle ones."""
        while self._returned:
            memory = self._returned.popleft()
            self._idle.setdefault(memory.size, []).append(memory)
        return sum(size * len(blocks) for size, blocks in self._idle.items())
