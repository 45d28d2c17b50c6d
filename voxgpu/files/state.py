"""States of files: what tells whether a file is still the one that was looked at."""

from __future__ import annotations

import os
from collections.abc import Sequence

from voxgpu.files.errors import FileError
from voxgpu.files.paths import os_reason

#: Path, device, inode, bytes, modification in ns, change of the inode in ns. The last cannot be
#: set by programs, so a file that was replaced or rewritten shows it, whatever its dates say.
FileState = tuple[str, int, int, int, int, int]

#: Clocks of file systems that count parts of a second tick at least this often, in ns.
_FINE_TICK = 50_000_000

#: Clocks of the others tick this coarsely at worst (FAT: 2 s), in ns.
_COARSE_TICK = 2_000_000_000


def state_of(path: str, status: os.stat_result) -> FileState:
    """The state of the file at ``path``, links followed, that ``status`` describes."""
    return (
        path,
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def state(path: str) -> FileState:
    """The state of the file at ``path`` now. Raises FileError where it is gone."""
    try:
        return state_of(path, os.stat(path))  # noqa: PTH116
    except OSError as error:
        raise FileError(path, os_reason(error)) from None


def nanoseconds_to_settle(found: FileState, now: int) -> int:
    """How long a file may still be written again without its state changing; 0: no longer.

    ``now`` is in ns since 1970.
    """
    changed = found[5]
    tick = _COARSE_TICK if changed % 1_000_000_000 == 0 else _FINE_TICK
    return max(0, min(changed + tick - now, tick))


def settles_soon(found: FileState) -> bool:
    """Whether the clock of the file's file system counts parts of a second."""
    return found[5] % 1_000_000_000 != 0


def check_unchanged(states: Sequence[FileState]) -> None:
    """Raise FileError where a file is no longer in the state that it was in."""
    for each in states:
        if state(each[0]) != each:
            raise changed_while_read(each[0])


def changed_while_read(path: str) -> FileError:
    """The problem of a file that somebody writes or replaces while a run uses it."""
    return FileError(
        path, "it was changed while it was read", "run again when nobody writes the file"
    )
