"""An executor that performs each task here and now."""

from __future__ import annotations

from collections import deque
from time import perf_counter

from voxgpu.execution.executor import Done
from voxgpu.execution.task import Work, perform
from voxgpu.primitives.primitive import Doubtful


class Serial:
    """One task at a time, in the calling thread."""

    capacity = 1

    def __init__(self) -> None:
        self._done: deque[Done] = deque()

    def submit(self, work: Work) -> None:
        """Performs the task."""
        start = perf_counter()
        try:
            made = perform(work)
            value = made.value if isinstance(made, Doubtful) else made
            doubt = made.reason if isinstance(made, Doubtful) else ""
        except Exception as error:
            # Whatever goes wrong is the task's result: its goals fail, the others go on.
            self._done.append(Done(work.task, None, error, perf_counter() - start))
        else:
            self._done.append(Done(work.task, value, None, perf_counter() - start, doubt))

    def next_done(self) -> Done:
        """The task that was performed first."""
        return self._done.popleft()

    def close(self) -> None:
        """Forgets what was performed and not fetched."""
        self._done.clear()
