"""How much memory may a run take on this machine?"""

from __future__ import annotations

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
