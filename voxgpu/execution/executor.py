"""Who performs tasks? The protocol that the loop speaks with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from voxgpu.execution.task import Made, Recalled, Work
from voxgpu.ids import ValueId
from voxgpu.optimize.schedule import Task
from voxgpu.plan.node import Goal
from voxgpu.primitives.primitive import Doubtful, Value


@dataclass(frozen=True, slots=True)
class Done:
    """A task that has been performed: for each output its value, or the exception instead.

    doubts  what to warn of, where a value is not to be trusted blindly
    """

    task: Task
    results: tuple[Value | Exception, ...]
    seconds: float
    doubts: tuple[tuple[ValueId, str], ...] = ()

    @classmethod
    def of(cls, task: Task, made: Sequence[Made | Recalled] | Exception, seconds: float) -> Done:
        """What ``perform`` returned or raised."""
        if isinstance(made, Exception):
            return cls(task, (made,) * len(task.outputs), seconds)
        values: list[Value | Exception] = []
        doubts: list[tuple[ValueId, str]] = []
        for id, each in zip(task.outputs, made, strict=True):
            match each:
                case Doubtful(value, reason):
                    values.append(value)
                    doubts.append((id, reason))
                case Recalled(value, remembered):
                    values.append(value)
                    doubts += remembered
                case _:
                    values.append(each)
        return cls(task, tuple(values), seconds, tuple(doubts))


@dataclass(frozen=True, slots=True)
class Handed:
    """A goal that has been delivered beside the tasks, or the exception instead."""

    goal: Goal
    error: Exception | None


#: Makes room for so many bytes where values are; whether it could.
Relief = Callable[[int], bool]


class Executor(Protocol):
    """Performs tasks, in any order; ``capacity`` is how many it takes at once."""

    capacity: int

    def taken(self, task: Task, inputs: Mapping[ValueId, Value]) -> Mapping[ValueId, Value]:
        """Those of the inputs of a task that are now elsewhere, where it computes with them."""

    def use_relief(self, relieve: Relief) -> None:
        """What is to be asked where a device is short of memory."""

    def submit(self, work: Work) -> bool:
        """Takes a task whose inputs are there; whether ``next_done`` need not wait for it."""

    def hand_over(self, goal: Goal, deliver: Callable[[], None]) -> bool:
        """Delivers a goal beside the tasks, ``Handed`` tells when; False: the caller must."""

    def next_done(self) -> Done | Handed:
        """Waits for a submitted task, or for a goal."""

    def stop(self) -> None:
        """Nobody wants what is being performed any more, or waits for it."""

    def close(self) -> None:
        """Drops what has not been performed."""
