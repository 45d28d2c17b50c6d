"""The protocol of executors: how the engine has tasks performed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from voxgpu.execution.task import TaskInput, TaskResult
from voxgpu.plan.node import Goal


@dataclass(frozen=True, slots=True)
class GoalWritten:
    """A goal that has been delivered beside the tasks, or the exception instead."""

    goal: Goal
    error: Exception | None


class Executor(Protocol):
    """Performs tasks, in any order; ``capacity`` is how many it takes at once."""

    capacity: int

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
