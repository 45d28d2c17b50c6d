"""The protocol of executors, through which the engine has tasks performed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from voxgpu.execution.task import TaskInput, TaskResult
from voxgpu.frozen import frozen
from voxgpu.plan.node import Goal


@frozen(slots=True)
class GoalWritten:
    """The outcome of a goal delivered in the background; ``error`` if it failed."""

    goal: Goal
    error: Exception | None


class Executor(Protocol):
    """Performs tasks, in any order; ``capacity`` is the maximum number submitted at once."""

    capacity: int

    def submit(self, work: TaskInput) -> bool:
        """Accepts a task with its inputs; returns whether ``next_done`` can return it at once."""

    def write_in_background(self, goal: Goal, deliver: Callable[[], None]) -> bool:
        """Delivers a goal in the background, reported as ``GoalWritten``; False if it cannot."""

    def next_done(self) -> TaskResult | GoalWritten:
        """Waits for and returns the next finished task or background goal."""

    def stop(self) -> None:
        """Cancels running tasks, whose results are no longer wanted."""

    def close(self) -> None:
        """Drops tasks that have not been performed."""
