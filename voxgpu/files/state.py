"""States of files: the metadata that shows whether a file has changed."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from voxgpu.files.errors import FileError
from voxgpu.files.paths import os_reason

#: Path, device, inode, bytes, modification time in ns, inode change time in ns. Programs cannot set
#: the last, so it reveals a file that was replaced or rewritten, whatever its dates say.
FileState = tuple[str, int, int, int, int, int]

#: Longest tick, in ns, of file system clocks with a resolution below one second.
_FINE_TICK = 50_000_000

#: Longest tick, in ns, of the other file system clocks (FAT: 2 s).
_COARSE_TICK = 2_000_000_000


def state_of(path: str, status: os.stat_result) -> FileState:
    """The state of the file at ``path``, links followed, from its ``status``."""
    return (
        path,
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def state(path: str) -> FileState:
    """The current state of the file at ``path``. Raises FileError if it is gone."""
    try:
        return state_of(path, os.stat(path))  # noqa: PTH116
    except OSError as error:
        raise FileError(path, os_reason(error)) from None


def nanoseconds_to_settle(recorded: FileState, now: int) -> int:
    """How long a file could still be rewritten without a change of state; 0 if it could not.

    ``now`` is in ns since 1970.
    """
    changed = recorded[5]
    tick = _COARSE_TICK if changed % 1_000_000_000 == 0 else _FINE_TICK
    return max(0, min(changed + tick - now, tick))


def settles_soon(recorded: FileState) -> bool:
    """Whether the clock of the file's file system has a resolution below one second."""
    return recorded[5] % 1_000_000_000 != 0


def are_settled(states: Sequence[FileState]) -> bool:
    """Whether none of the files could be rewritten now without a change of state."""
    now = time.time_ns()
    return not any(nanoseconds_to_settle(each, now) for each in states)


def check_unchanged(states: Sequence[FileState]) -> None:
    """Raise FileError if a file is no longer in the given state."""
    for each in states:
        if state(each[0]) != each:
            raise changed_while_read(each[0])


def changed_while_read(path: str) -> FileError:
    """The error for a file that was written or replaced during a run that uses it."""
    return FileError(
        path, "it was changed while it was read", "run again when nobody writes the file"
    )
