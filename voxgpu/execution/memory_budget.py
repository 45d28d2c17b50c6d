"""The memory that a run may take on this machine."""

from __future__ import annotations

import ctypes
import sys

from voxgpu.limits.process import MemoryLimit, memory_limits, resident_bytes


def tightest() -> MemoryLimit:
    """Returns the tightest memory limit on this process: of the system, a control group, etc.

    The limit includes a description for messages.
    """
    return memory_limits()[0]


def available_bytes() -> int:
    """Returns the bytes available without swapping or exceeding a limit."""
    return tightest().available


#: Memory of the process besides values once everything is loaded: code, buffers of threads, data
#: being read or written. Measured, and rounded up.
PROCESS_BYTES = 330 << 20


class MemoryBudget:
    """The memory that the values of a run may take.

    limit  bytes that the process may take, if less than what is available
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._process = PROCESS_BYTES
        if limit is not None:
            # An application that uses voxgpu as a library may already take much memory.
            self._process = max(PROCESS_BYTES, resident_bytes())

    @property
    def is_limited(self) -> bool:
        """Whether a limit was set explicitly."""
        return self._limit is not None

    def bytes(self) -> int:
        """Returns the bytes for values: the limit minus the process's other memory."""
        return self.bound()[0]

    def bound(self) -> tuple[int, str]:
        """Returns the bytes for values, and a description of the limit for messages."""
        least = tightest()
        there = max(0, least.available - max(0, PROCESS_BYTES - resident_bytes()))
        if self._limit is not None and self._limit - self._process < there:
            return max(0, self._limit - self._process), "--memory"
        return there, least.source

    def for_kept(self) -> int:
        """Returns the bytes for cached values that no task needs at the moment."""
        return self.bytes() // 4


def trim_malloc() -> None:
    """Returns freed memory to the system if the C library retains it (glibc)."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(ctypes.c_size_t(0))
