"""Who performs tasks? The protocol that the loop speaks with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from voxgpu.backends.base import StepResult
from voxgpu.execution.task import StoredValue, TaskInput
from voxgpu.ids import ValueId
from voxgpu.optimize.schedule import Task
from voxgpu.plan.node import Goal
from voxgpu.primitives.primitive import Value, ValueWithWarning


@dataclass(frozen=True, slots=True)
class TaskResult:
    """A task that has been performed: for each output its value, or the exception instead.

    warnings  what to warn of, where a value is not to be trusted blindly
    """

    task: Task
    results: tuple[Value | Exception, ...]
    seconds: float
    warnings: tuple[tuple[ValueId, str], ...] = ()

    @classmethod
    def of(
        cls, task: Task, made: Sequence[StepResult | StoredValue] | Exception, seconds: float
    ) -> TaskResult:
        """What ``perform`` returned or raised."""
        if isinstance(made, Exception):
            return cls(task, (made,) * len(task.outputs), seconds)
        values: list[Value | Exception] = []
        warnings: list[tuple[ValueId, str]] = []
        for id, each in zip(task.outputs, made, strict=True):
            match each:
                case ValueWithWarning(value, reason):
                    values.append(value)
                    warnings.append((id, reason))
                case StoredValue(value, remembered):
                    values.append(value)
                    warnings += remembered
                case _:
                    values.append(each)
        return cls(task, tuple(values), seconds, tuple(warnings))


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
