"""The protocol of executors: how the engine has tasks performed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from voxgpu.execution.task import TaskInput, TaskResult
from voxgpu.ids import ValueId
from voxgpu.optimize.schedule import Task
from voxgpu.plan.node import Goal
from voxgpu.primitives.primitive import Value


@dataclass(frozen=True, slots=True)
class GoalWritten:
    """A goal that has been delivered beside the tasks, or the exception instead."""

    goal: Goal
    error: Exception | None


#: Makes room for so many bytes where values are; whether it could.
Relief = Callable[[int], bool]


class Executor(Protocol):
    """Performs tasks, in any order; ``capacity`` is how many it takes at once."""

    capacity: int

    def upload_inputs(self, task: Task, inputs: Mapping[ValueId, Value]) -> Mapping[ValueId, Value]:
        """Those of the inputs of a task that are now elsewhere, where it computes with them."""

    def on_memory_pressure(self, relieve: Relief) -> None:
        """What is to be asked where a device is short of memory."""

    def submit(self, work: TaskInput) -> bool:
        """Takes a task whose inputs are there; whether ``next_done`` need not wait for it."""

    def write_in_background(self, goal: Goal, deliver: Callable[[], None]) -> bool:
        """Delivers a goal beside the tasks, ``Handed`` tells when; False: the caller must."""

    def next_done(self) -> TaskResult | GoalWritten:
        """Waits for a submitted task, or for a goal."""

    def stop(self) -> None:
        """Nobody wants what is being performed any more, or waits for it."""

    def close(self) -> None:
        """Drops what has not been performed."""
