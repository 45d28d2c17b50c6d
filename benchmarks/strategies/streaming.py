"""Streaming: every task starts as soon as its inputs are there, from a queue that threads share."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Lock, Thread

from benchmarks.strategies.interface import Counted, Graph, StrategyIO, deliver
from voxgpu.ids import ValueId
from voxgpu.optimize.schedule import Schedule
from voxgpu.plan.node import Goal


class _Stream:
    """The queue, and what its threads know together."""

    def __init__(self, schedule: Schedule, io: StrategyIO) -> None:
        self._graph = Graph(schedule)
        self._io = io
        self._lock = Lock()
        self._ready: SimpleQueue[int | Goal | None] = SimpleQueue()
        self._missing = [len(each) for each in self._graph.needs]
        self._values: dict[ValueId, object] = {}
        self._left = len(schedule.tasks) + len(schedule.goals)
        self._ended: SimpleQueue[BaseException | None] = SimpleQueue()
        self.counted = Counted()

    def run(self, threads: int) -> Counted:
        """Starts what needs nothing, and waits for the rest."""
        for index, missing in enumerate(self._missing):
            if not missing:
                self._ready.put(index)
        team = [Thread(target=self._work, daemon=True) for _ in range(threads)]
        for each in team:
            each.start()
        error: BaseException | None = None
        try:
            error = self._ended.get() if self._left else None
        except BaseException:
            self._io.stop.set()
            raise
        finally:
            for _ in team:
                self._ready.put(None)
            for each in team:
                each.join()
        if error is not None:
            raise error
        return self.counted

    def _work(self) -> None:
        try:
            while (item := self._ready.get()) is not None and not self._io.stop.is_set():
                if isinstance(item, Goal):
                    self._deliver(item)
                else:
                    self._perform(item)
        except BaseException as error:
            self._io.stop.set()
            self._ended.put(error)

    def _perform(self, index: int) -> None:
        with self._lock:
            inputs = self._graph.inputs_of(index, self._values)
        made = self._graph.perform(index, inputs, self._io)
        task = self._graph.tasks[index]
        with self._lock:
            self.counted.performed += 1
            self._values.update((id, value) for id, value in made.items() if self._graph.uses[id])
            self._graph.release(task.inputs, self._values)
            for user in self._graph.users[index]:
                self._missing[user] -= 1
                if not self._missing[user]:
                    self._ready.put(user)
            for id in made:
                for goal in self._graph.goals.get(id, ()):
                    self._ready.put(goal)
        self._end_one()

    def _deliver(self, goal: Goal) -> None:
        deliver(goal, self._values[goal.value], self._io, self.counted)
        with self._lock:
            self._graph.release([goal.value], self._values)
        self._end_one()

    def _end_one(self) -> None:
        with self._lock:
            self._left -= 1
            if not self._left:
                self._ended.put(None)


def run(schedule: Schedule, io: StrategyIO) -> Counted:
    """Runs a schedule on as many threads as the backend has."""
    workers = io.backend.workers
    return _Stream(schedule, io).run(workers.count if workers is not None else 1)
