"""The tasks of a run that have not started, and which of them may start."""

from __future__ import annotations

from bisect import bisect, insort
from collections.abc import Container, Sequence

from voxgpu.ids import ValueId
from voxgpu.optimize.schedule import Task

#: How many tasks past the first one that waits may be started early.
LOOKAHEAD = 64


class WaitingTasks:
    """The tasks that wait, by their places in the schedule.

    Only tasks up to ``LOOKAHEAD`` places past the first one are looked at. Each is looked at when
    that reaches it and when one of its inputs arrives or fails, and not after every task.

    there   the values that are there
    failed  the values that failed
    """

    def __init__(
        self, tasks: Sequence[Task], there: Container[ValueId], failed: Container[ValueId]
    ) -> None:
        self._tasks: list[Task | None] = list(tasks)
        self._there = there
        self._failed = failed
        #: The places of the first task that waits, and of the first that was not looked at.
        self._first = self._unseen = 0
        #: The inputs that tasks wait for, and the tasks that wait for each of them.
        self._missing: dict[int, set[ValueId]] = {}
        self._users: dict[ValueId, list[int]] = {}
        #: The places of tasks of which all inputs are there or some failed, in order.
        self._candidates: list[int] = []

    def __bool__(self) -> bool:
        self._advance()
        return self._first < len(self._tasks)

    def __getitem__(self, place: int) -> Task:
        task = self._tasks[place]
        assert task is not None
        return task

    def next_after(self, place: int) -> int | None:
        """Returns the place of the next task that may start or has a failed input; None: none."""
        self._advance()
        end = min(len(self._tasks), self._first + LOOKAHEAD + 1)
        while self._unseen < end:
            self._unseen += 1
            self._look_at(self._unseen - 1)
        index = bisect(self._candidates, place)
        return self._candidates[index] if index < len(self._candidates) else None

    def misses_inputs(self, place: int) -> bool:
        """Returns whether an input of a task has neither arrived nor failed."""
        return place in self._missing

    def remove(self, place: int) -> None:
        """Removes a task that has started or will not."""
        self._tasks[place] = None
        self._candidates.remove(place)
        self._missing.pop(place, None)

    def put_back(self, place: int, task: Task) -> None:
        """Lets a task that was removed wait again; its inputs are there."""
        self._tasks[place] = task
        self._first = min(self._first, place)
        insort(self._candidates, place)

    def replace(self, place: int, task: Task) -> None:
        """Replaces a task by the part of it of which no input failed."""
        self.remove(place)
        self._tasks[place] = task
        self._look_at(place)

    def note(self, id: ValueId) -> None:
        """Notes that a value has arrived or failed."""
        for place in self._users.pop(id, ()):
            missing = self._missing.get(place)
            if missing is None or id not in missing:
                continue
            missing.remove(id)
            if not missing:
                del self._missing[place]
            if (not missing or id in self._failed) and place not in self._candidates:
                insort(self._candidates, place)

    def _advance(self) -> None:
        while self._first < len(self._tasks) and self._tasks[self._first] is None:
            self._first += 1

    def _look_at(self, place: int) -> None:
        inputs = dict.fromkeys(self[place].inputs)
        failed = [id for id in inputs if id in self._failed]
        missing = {id for id in inputs if id not in self._there and id not in self._failed}
        for id in missing:
            self._users.setdefault(id, []).append(place)
        if missing:
            self._missing[place] = missing
        if failed or not missing:
            insort(self._candidates, place)
