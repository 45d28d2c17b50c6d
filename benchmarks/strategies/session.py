"""A monolithic session: everything about a run in one object, over ``dask.delayed``.

It is modelled on the `ExecutionSession` of VoxLogicA-2 (mid 2025): it sorts operations into
pure ones and side effects, builds the graph, holds status, results, storage and cancellation, and
computes on threads or on workers. Side effects come after all pure computations.
"""

from __future__ import annotations

import pickle
from enum import Enum
from functools import partial
from threading import Lock
from typing import Any
from uuid import uuid4

from benchmarks.strategies import remote
from benchmarks.strategies.interface import (
    Counted,
    Failed,
    Graph,
    Strategy,
    StrategyIO,
    deliver,
)
from voxgpu.ids import ValueId
from voxgpu.optimize.schedule import Schedule
from voxgpu.plan.node import Goal


class Status(Enum):
    """The state of an operation."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


class ExecutionSession:
    """One execution of a workplan.

    client    of dask.distributed; None: threads of this process
    as_found  as VoxLogicA-2 did it: the sort looks at all operations for each one, and every result
              stays in the session's table until its end
    """

    def __init__(self, schedule: Schedule, io: StrategyIO, client: Any, as_found: bool) -> None:
        self.execution_id = str(uuid4())
        self._io = io
        self._client = client
        self._as_found = as_found
        self._graph = Graph(schedule)
        self._lock = Lock()
        self.pure = list(range(len(schedule.tasks)))
        self.effects: list[Goal] = list(schedule.goals)
        self.status = dict.fromkeys(self.pure, Status.PENDING)
        self.failed: dict[ValueId, str] = {}
        self.results: dict[ValueId, Any] = {}
        self.delayed: dict[int, Any] = {}
        self.counted = Counted()

    def execute(self) -> Counted:
        """Builds the graph, computes the values of all goals, then performs the side effects."""
        from dask import delayed

        for index in self._sorted():
            inputs = [self.delayed[each] for each in sorted(self._graph.needs[index])]
            self.delayed[index] = delayed(self._operation(index), pure=False, traverse=False)(
                *inputs
            )
        goals = list(dict.fromkeys(self._graph.maker[goal.value] for goal in self.effects))
        made = self._compute([self.delayed[index] for index in goals])
        values = {id: value for each in made for id, value in each.items()}
        for goal in self.effects:
            deliver(goal, values[goal.value], self._io, self.counted)
        return self.counted

    def cancel(self) -> None:
        """Asks running operations to end; those that have not begun will not."""
        self._io.stop.set()

    def progress(self) -> dict[Status, int]:
        """Returns how many operations are in which state."""
        with self._lock:
            states = list(self.status.values())
        return {each: states.count(each) for each in Status}

    def _sorted(self) -> list[int]:
        if not self._as_found:
            return self.pure  # the order of a schedule is one of dependencies
        missing = {index: set(self._graph.needs[index]) for index in self.pure}
        queue = [index for index in self.pure if not missing[index]]
        order: list[int] = []
        while queue:
            first = queue.pop(0)
            order.append(first)
            for index, needed in missing.items():
                if first in needed:
                    needed.remove(first)
                    if not needed:
                        queue.append(index)
        return order

    def _operation(self, index: int) -> Any:
        if self._client is None:
            return partial(self._perform, index)
        task = self._graph.tasks[index]
        header = self._graph.header_of(task.id)
        return partial(remote.perform, task, header, self._io.threads)

    def _perform(self, index: int, *made: dict[ValueId, Any]) -> dict[ValueId, Any]:
        with self._lock:
            self.status[index] = Status.RUNNING
        values = {id: value for each in made for id, value in each.items()}
        found = self._graph.perform(index, values, self._io)
        failures = {i: str(each.error) for i, each in found.items() if isinstance(each, Failed)}
        with self._lock:
            self.counted.performed += 1
            self.status[index] = Status.FAILED if failures else Status.COMPLETED
            self.failed.update(failures)
            if self._as_found:
                self.results.update(found)
        return found

    def _compute(self, goals: list[Any]) -> list[dict[ValueId, Any]]:
        from dask import compute

        workers = self._io.backend.workers
        try:
            if self._client is None:
                count = workers.count if workers is not None else 1
                return list(compute(*goals, scheduler="threads", num_workers=count))
            return self._compute_on_workers(goals)
        except BaseException:
            self.cancel()
            raise

    def _compute_on_workers(self, goals: list[Any]) -> list[dict[ValueId, Any]]:
        before = remote.sent_bytes(self._client)
        futures = self._client.compute(goals, optimize_graph=False)
        try:
            found: list[dict[ValueId, Any]] = self._client.gather(futures)
        except BaseException:
            self._client.cancel(futures, force=True)
            raise
        self.counted.performed = len(self.pure)
        tasks = sum(len(pickle.dumps(each)) for each in self._graph.tasks)
        self.counted.moved = remote.sent_bytes(self._client) - before + tasks
        return found


def run(on_workers: bool, as_found: bool, schedule: Schedule, io: StrategyIO) -> Counted:
    """Runs a schedule in one session."""
    return ExecutionSession(schedule, io, io.client if on_workers else None, as_found).execute()


#: The strategies of this file.
THREADED: Strategy = partial(run, False, False)
DISTRIBUTED: Strategy = partial(run, True, False)
AS_FOUND: Strategy = partial(run, False, True)
