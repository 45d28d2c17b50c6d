"""Locks of files that only one process may write at a time; not every file system has them."""

from __future__ import annotations

from time import sleep
from typing import Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


def take_lock(
    file: Any, is_shared: bool = False, tries: int = 1, between: float = 0.0
) -> bool | None:
    """Lock an open file; return whether it is locked now, None where there are no locks.

    file       or its descriptor
    is_shared  whether other processes may hold it in the same way
    tries      how often it is tried while another process holds it, ``between`` seconds apart
    """
    if fcntl is None:
        return None
    kind = fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX
    for attempt in range(tries):
        if attempt:
            sleep(between)
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        except OSError:
            return None
        return True
    return False


def release_lock(file: Any) -> None:
    """Unlock a file that `take_lock` has locked."""
    fcntl.flock(file, fcntl.LOCK_UN)
