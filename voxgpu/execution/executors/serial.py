"""An executor that performs each task immediately in the calling thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from voxgpu.backends.base import Backend
from voxgpu.backends.reference import ReferenceBackend
from voxgpu.execution.executor import GoalWritten
from voxgpu.execution.task import TaskInput, TaskResult, execute_timed
from voxgpu.plan.node import Goal


class Serial:
    """One task at a time, in the calling thread."""

    capacity = 1

    def __init__(self, backend: Backend | None = None) -> None:
        self._backend = backend or ReferenceBackend()
        self._done: deque[TaskResult] = deque()

    def submit(self, work: TaskInput) -> bool:
        """Performs the task."""
        self._done.append(execute_timed(work, self._backend))
        return True

    def write_in_background(self, goal: Goal, deliver: Callable[[], None]) -> bool:
        """Returns False: nothing runs in the background."""
        return False

    def next_done(self) -> TaskResult | GoalWritten:
        """Returns the task that was performed first."""
        return self._done.popleft()

    def stop(self) -> None:
        """Does nothing, since no task is running."""

    def close(self) -> None:
        """Drops unfetched results."""
        self._done.clear()


def create(backend: Backend) -> Serial:
    """Returns the executor of a run on this backend."""
    return Serial(backend)
