"""Where the whole lines of a file end that processes append to, and may be killed meanwhile."""

from __future__ import annotations

import os

#: Bytes that are read at a time: few, since a line is rarely cut off.
_STEP = 4096


def whole_bytes(file: int, end: int) -> int:
    """Bytes up to the end of the last whole line of a file that has ``end`` bytes.

    file  its descriptor, whose position changes
    """
    while end:
        start = max(0, end - _STEP)
        os.lseek(file, start, os.SEEK_SET)
        found = os.read(file, end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
