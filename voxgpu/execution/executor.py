"""Who performs tasks? The protocol that the loop speaks with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from voxgpu.execution.task import Work
from voxgpu.optimize.schedule import Task
from voxgpu.primitives.primitive import Value


@dataclass(frozen=True, slots=True)
class Done:
    """A task that has been performed: its value, or the exception instead.

    doubt  what to warn of, where the value is not to be trusted blindly
    """

    task: Task
    value: Value | None
    error: Exception | None
    seconds: float
    doubt: str = ""


class Executor(Protocol):
    """Performs tasks, in any order; ``capacity`` is how many it takes at once."""

    capacity: int

    def submit(self, work: Work) -> None:
        """Takes a task whose inputs are there."""

    def next_done(self) -> Done:
        """Waits for a submitted task."""

    def close(self) -> None:
        """Drops what has not been performed."""
