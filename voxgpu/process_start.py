"""The name of this computer, and when a process of it began."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def host_name() -> str:
    """Returns the name of this computer in the network."""
    if hasattr(os, "uname"):
        return os.uname().nodename  # what ``socket`` tells, which takes long to load
    import socket

    return socket.gethostname()


def start_ticks(pid: int | str = "self") -> int | None:
    """When a process began, in clock ticks since the system started; None on other than Linux.

    Raises ProcessLookupError where no such process can be seen, or it has ended: it is a zombie.
    """
    with suppress(OSError):
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
        known = text.rpartition(")")[2].split()
        if known[0] != "Z":
            return int(known[19])
    if Path("/proc/self/stat").exists():
        raise ProcessLookupError(pid)
    return None
