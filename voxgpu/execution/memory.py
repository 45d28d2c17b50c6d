"""How much memory may a run take on this machine?"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")


def available_bytes() -> int:
    """Memory that can be had without swapping, in bytes.

    The least of what the system has free and what the control group leaves, which is how batch
    systems on cluster nodes bound a job.
    """
    free = int(psutil.virtual_memory().available)
    limit, used = _number(_CGROUP / "memory.max"), _number(_CGROUP / "memory.current")
    if limit is not None and used is not None:
        free = min(free, limit - used + _reclaimable())
    return max(0, free)


#: What a process takes besides values once all is loaded and running: code, buffers of threads,
#: what is being read or written. Measured, and rounded up.
PROCESS_BYTES = 330 << 20


class Room:
    """How much memory the values of a run may take.

    limit  bytes that the process may take; None: what is available
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._process = PROCESS_BYTES
        if limit is not None:
            # Whoever uses voxgpu as a library may have taken much already.
            self._process = max(PROCESS_BYTES, psutil.Process().memory_info().rss)

    @property
    def is_limited(self) -> bool:
        """Whether somebody set a limit."""
        return self._limit is not None

    def bytes(self) -> int:
        """Bytes for values: the limit without what the process takes by itself."""
        return available_bytes() if self._limit is None else max(0, self._limit - self._process)

    def for_kept(self) -> int:
        """Bytes for values that nothing needs at the moment."""
        return self.bytes() // 4


def give_back() -> None:
    """Returns memory that was freed to the system, where the C library holds on to it (glibc)."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(ctypes.c_size_t(0))


def size_text(count: int) -> str:
    """Bytes for people."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def _number(path: Path) -> int | None:
    """The number in a file of the control group; None where there is none or no limit."""
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None


def _reclaimable() -> int:
    """Bytes of the control group that only cache files."""
    try:
        lines = (_CGROUP / "memory.stat").read_text("ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))
