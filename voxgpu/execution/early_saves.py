"""Saves that may be written ahead of their turn, because no other goal affects their files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from os.path import sep
from pathlib import Path

from voxgpu.ids import ValueId
from voxgpu.plan.node import Goal


def files_of_their_own(goals: Sequence[Goal]) -> dict[ValueId, list[Goal]]:
    """Returns the saves whose files are neither equal to nor below other saves' files, by value."""
    saves = [(goal.target, goal) for goal in goals if goal.action == "save"]
    times = Counter(file for file, _ in saves)
    taken = {file for file, count in times.items() if count > 1}
    for file in times:
        above = {str(each) for each in Path(file).parents} & times.keys()
        taken |= above | {file} if above else set()
    found: dict[ValueId, list[Goal]] = {}
    for file, goal in saves:
        if file not in taken:
            found.setdefault(goal.value, []).append(goal)
    return found


def is_within(file: str, other: str) -> bool:
    """Returns whether a file is the same as the other, or below it."""
    return file == other or file.startswith(other + sep)
