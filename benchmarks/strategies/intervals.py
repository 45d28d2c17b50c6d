"""Times that were spent, given as intervals that may overlap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

#: What was done, its start and its end in seconds.
Interval = tuple[str, float, float]


def merged(intervals: Iterable[Interval]) -> list[tuple[float, float]]:
    """Returns the times at which any of the intervals was going on, apart and in order."""
    found: list[tuple[float, float]] = []
    for _, start, end in sorted(intervals, key=lambda each: each[1:]):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def covered(intervals: Iterable[Interval]) -> float:
    """Returns the seconds at which any of the intervals was going on."""
    return sum(end - start for start, end in merged(intervals))


def overlap(some: Sequence[Interval], others: Sequence[Interval]) -> float:
    """Returns the seconds at which some of both were going on."""
    return covered(some) + covered(others) - covered([*some, *others])
