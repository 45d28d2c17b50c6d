"""The memory of the computer and of this process.

On Linux, two files of ``/proc`` say it. Loading psutil takes a twentieth of the time of a short
program.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from voxgpu.frozen import frozen


@frozen(slots=True)
class SystemMemory:
    """The memory of the computer, in bytes: all, and what is available now."""

    total: int
    available: int


@frozen(slots=True)
class ProcessMemory:
    """The memory of this process, in bytes.

    resident  physical memory
    virtual   address space
    data      heap, stack and the like; None where the system does not tell
    """

    resident: int
    virtual: int
    data: int | None


def system_memory(proc: Path = Path("/proc")) -> SystemMemory:
    """Returns the memory of the computer; ``proc`` stands for ``/proc``."""
    with suppress(OSError, KeyError, ValueError):
        lines = (line.split() for line in (proc / "meminfo").read_text("ascii").splitlines())
        sizes = {words[0]: int(words[1]) << 10 for words in lines if words[2:] == ["kB"]}
        total = sizes["MemTotal:"]
        # In some containers, more is available than there is.
        return SystemMemory(total, min(total, sizes["MemAvailable:"]))
    import psutil

    found = psutil.virtual_memory()
    return SystemMemory(int(found.total), int(found.available))


def process_memory(proc: Path = Path("/proc")) -> ProcessMemory:
    """Returns the memory of this process; ``proc`` stands for ``/proc``."""
    with suppress(OSError, ValueError, AttributeError):
        page = os.sysconf("SC_PAGE_SIZE")
        words = (proc / "self" / "statm").read_text("ascii").split()
        virtual, resident, _, _, _, data, _ = (int(word) * page for word in words)
        return ProcessMemory(resident, virtual, data)
    import psutil

    found = psutil.Process().memory_info()
    return ProcessMemory(int(found.rss), int(found.vms), getattr(found, "data", None))
