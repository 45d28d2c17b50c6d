"""Retention of a run's values for later runs, by policy, with their provenance.

The time to recompute a value is measured along the longest path from retained values, so that
shared inputs are not counted twice. Warnings are stored with values, since a run that loads a value
must report them as well.
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
from voxgpu.store.tier import Warnings, bytes_of
from voxgpu.store.tiered_store import TieredStore
from voxgpu.version import __version__


class _Task(NamedTuple):
    """Properties shared by all results of a task, computed once for speed.

    again   seconds that recomputing them would take
    warnings  warnings about their inputs
    own     warnings about each result
    """

    task: Task
    again: float
    warnings: Warnings
    own: Mapping[ValueId, Sequence[tuple[ValueId, str]]]


class RetentionPolicy:
    """Retains the values of one session.

    memory  retains values for the next program of the session
    store   retains values for later sessions
    """

    def __init__(self, memory: SessionCache, store: TieredStore) -> None:
        self.memory = memory
        self.store = store
        self._again: dict[ValueId, float] = {}
        self._warnings: dict[ValueId, Warnings] = {}
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
        """Retains a value that was computed or loaded, if the policy asks for it.

        nodes  the nodes of the plan as the user wrote it; nodes added by rewriting are never goals
        """
        if self._task is None or self._task.task is not done.task:
            self._task = self._looked_at(done)
        again = self._again[id] = self._task.again
        if in_memory:
            self.memory.add(id, value, again)
        warnings = tuple(dict.fromkeys([*self._task.warnings, *self._task.own.get(id, ())]))
        if warnings:
            self._warnings[id] = warnings
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
        """Replaces a retained value by its copy on the device that computes."""
        self.memory.replace(id, value)

    def _looked_at(self, done: TaskResult) -> _Task:
        inputs = done.task.inputs
        is_fetched = isinstance(done.task.step, StoreRead)
        seconds = 0.0 if is_fetched else done.seconds
        again = seconds + max((self._again.get(each, 0.0) for each in inputs), default=0)
        warnings = dict.fromkeys(each for i in inputs for each in self._warnings.get(i, ()))
        own: dict[ValueId, list[tuple[ValueId, str]]] = {}
        for each in done.warnings:
            own.setdefault(done.task.id if is_fetched else each[0], []).append(each)
        return _Task(done.task, again, tuple(warnings), own)
