"""What of a run is kept for later ones? What the policy says is worth it, with where it comes from.

Seconds of computing again are counted from what is kept: along the longest path, so that what is
shared is not counted twice. Warnings travel with values, since who only recalls a value must be
warned as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from voxgpu.execution.task import TaskResult
from voxgpu.ids import ValueId
from voxgpu.optimize.schedule import Task
from voxgpu.optimize.step import StoreRead
from voxgpu.plan.node import Node
from voxgpu.primitives.primitive import Value
from voxgpu.primitives.source import CONSTANT, LOAD
from voxgpu.store.provenance import provenance_of
from voxgpu.store.session_cache import SessionCache
from voxgpu.store.tiered_store import TieredStore, Warnings, bytes_of
from voxgpu.version import __version__


class _Task(NamedTuple):
    """What is said of all results of a task; looked at once, since there may be thousands.

    again   seconds that computing them once more would take
    warnings  about what they were made of
    own     and about each of them
    """

    task: Task
    again: float
    warnings: Warnings
    own: Mapping[ValueId, Sequence[tuple[ValueId, str]]]


class RetentionPolicy:
    """Keeps values of one session.

    memory  where values are kept for the next program of the session
    store   where values are kept for the next session
    """

    def __init__(self, memory: SessionCache, store: TieredStore) -> None:
        self.memory = memory
        self.store = store
        self._again: dict[ValueId, float] = {}
        self._doubts: dict[ValueId, Warnings] = {}
        self._task: _Task | None = None

    def keep(
        self,
        nodes: Mapping[ValueId, Node],
        goals: frozenset[ValueId],
        in_memory: bool,
        id: ValueId,
        value: Value,
        done: TaskResult,
    ) -> None:
        """Keeps a value that was computed or recalled, if it is worth that.

        nodes  those of the plan as the user wrote it; what rewriting added is nobody's goal
        """
        if self._task is None or self._task.task is not done.task:
            self._task = self._looked_at(done)
        again = self._again[id] = self._task.again
        if in_memory:
            self.memory.add(id, value, again)
        warnings = tuple(dict.fromkeys([*self._task.warnings, *self._task.own.get(id, ())]))
        if warnings:
            self._doubts[id] = warnings
        node = nodes.get(id)
        if node is None or node.primitive is CONSTANT or isinstance(done.task.step, StoreRead):
            return
        is_goal = id in goals and node.primitive is not LOAD
        size = bytes_of(value)
        if self.store.should_keep(is_goal, again if node.primitive is not LOAD else 0.0, size):
            made = provenance_of(node, __version__)
            if self.store.keep(id, value, again, made, warnings, must=is_goal):
                self._again[id] = 0.0

    def moved(self, id: ValueId, value: Value) -> None:
        """A value was brought to the device that is computed with."""
        self.memory.replace(id, value)

    def _looked_at(self, done: TaskResult) -> _Task:
        inputs = done.task.inputs
        is_fetched = isinstance(done.task.step, StoreRead)
        seconds = 0.0 if is_fetched else done.seconds
        again = seconds + max((self._again.get(each, 0.0) for each in inputs), default=0)
        warnings = dict.fromkeys(each for i in inputs for each in self._doubts.get(i, ()))
        own: dict[ValueId, list[tuple[ValueId, str]]] = {}
        for each in done.warnings:
            own.setdefault(done.task.id if is_fetched else each[0], []).append(each)
        return _Task(done.task, again, tuple(warnings), own)
