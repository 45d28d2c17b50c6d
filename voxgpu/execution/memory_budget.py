"""How much memory may a run take on this machine?"""

from __future__ import annotations

import ctypes
import sys

from voxgpu.limits.process import MemoryLimit, memory_limits, resident_bytes


def tightest() -> MemoryLimit:
    """What leaves least memory to this process: the system, a control group, a batch system, …

    It says what it is, for people.
    """
    return memory_limits()[0]


def available_bytes() -> int:
    """Memory that can be had without swapping, and without being ended for it, in bytes."""
    return tightest().available


#: What a process takes besides values once all is loaded and running: code, buffers of threads,
#: what is being read or written. Measured, and rounded up.
PROCESS_BYTES = 330 << 20


class MemoryBudget:
    """How much memory the values of a run may take.

    limit  bytes that the process may take, if that is less than what is available
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._process = PROCESS_BYTES
        if limit is not None:
            # Whoever uses voxgpu as a library may have taken much already.
            self._process = max(PROCESS_BYTES, resident_bytes())

    @property
    def is_limited(self) -> bool:
        """Whether somebody set a limit."""
        return self._limit is not None

    def bytes(self) -> int:
        """Bytes for values: what there is without what the process takes, or will, by itself."""
        return self.bound()[0]

    def bound(self) -> tuple[int, str]:
        """Bytes for values, and what bounds them, for people."""
        least = tightest()
        there = max(0, least.available - max(0, PROCESS_BYTES - resident_bytes()))
        if self._limit is not None and self._limit - self._process < there:
            return max(0, self._limit - self._process), "--memory"
        return there, least.source

    def for_kept(self) -> int:
        """Bytes for values that nothing needs at the moment."""
        return self.bytes() // 4


def trim_malloc() -> None:
    """Returns memory that was freed to the system, where the C library holds on to it (glibc)."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(ctypes.c_size_t(0))
