"""Is a value worth keeping? Its seconds against its bytes."""

from __future__ import annotations

#: What may be kept: what the program delivers; that and what would take long; everything; nothing.
POLICIES = ("goals", "costly", "all", "none")

#: What writing and reading a value takes, measured on masks, ranks and scans of 9 million voxels:
#: seconds for each byte in memory, and for each file, most of which is waiting for the disk.
_SECONDS_PER_BYTE = 0.9e-9
_SECONDS_PER_FILE = 2e-3
_SECONDS_PER_ROW = 1e-4

#: Computing a value again must take so many times as long as keeping and reading it.
_WORTH = 4.0


def is_kept(policy: str, is_goal: bool, seconds: float, size: int) -> bool:
    """Whether a value that was computed is to be kept.

    policy   one of ``POLICIES``
    is_goal  whether the program delivers it
    seconds  what computing it again would take, from what is kept already
    size     bytes that it takes in memory; 0 for numbers and the like
    """
    if policy == "none":
        return False
    return policy == "all" or is_goal or (policy == "costly" and is_costly(seconds, size))


def is_costly(seconds: float, size: int) -> bool:
    """Whether reading a value is much faster than computing it again."""
    keeping = _SECONDS_PER_FILE + size * _SECONDS_PER_BYTE if size else _SECONDS_PER_ROW
    return seconds > _WORTH * keeping
