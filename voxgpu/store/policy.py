"""The policy that decides which values are kept: recompute time against size."""

from __future__ import annotations

#: Policies: the program's results; those and expensive values; everything; nothing.
POLICIES = ("goals", "costly", "all", "none")

#: The cost of writing and reading a value, measured on masks, ranks and scans of 9 million voxels:
#: seconds per byte in memory, and seconds per file, most of which is waiting for the disk.
_SECONDS_PER_BYTE = 0.9e-9
_SECONDS_PER_FILE = 2e-3
_SECONDS_PER_ROW = 1e-4

#: Recomputing a value must take this many times as long as storing and reading it.
_WORTH = 4.0


def is_kept(policy: str, is_goal: bool, seconds: float, size: int) -> bool:
    """Whether a computed value is kept.

    policy   one of ``POLICIES``
    is_goal  whether it is a result of the program
    seconds  time to recompute it from the values that are kept already
    size     bytes that it takes in memory; 0 for numbers and the like
    """
    if policy == "none":
        return False
    return policy == "all" or is_goal or (policy == "costly" and is_costly(seconds, size))


def is_costly(seconds: float, size: int) -> bool:
    """Whether reading a value is much faster than recomputing it."""
    keeping = _SECONDS_PER_FILE + size * _SECONDS_PER_BYTE if size else _SECONDS_PER_ROW
    return seconds > _WORTH * keeping
