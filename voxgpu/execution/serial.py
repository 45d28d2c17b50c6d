"""An executor that performs each task here and now."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter

from voxgpu.backends.base import Backend, StepResult
from voxgpu.backends.reference import ReferenceBackend
from voxgpu.execution.executor import GoalWritten, Relief, TaskResult
from voxgpu.execution.task import StoredValue, TaskInput, perform
from voxgpu.ids import ValueId
from voxgpu.optimize.schedule import Task
from voxgpu.plan.node import Goal
from voxgpu.primitives.primitive import Value


class Serial:
    """One task at a time, in the calling thread."""

    capacity = 1

    def __init__(self, backend: Backend | None = None) -> None:
        self._backend = backend or ReferenceBackend()
        self._done: deque[TaskResult] = deque()

    def upload_inputs(self, task: Task, inputs: Mapping[ValueId, Value]) -> Mapping[ValueId, Value]:
        """What the backend has brought to where it computes."""
        return self._backend.upload_inputs(task.step, inputs)

    def on_memory_pressure(self, relieve: Relief) -> None:
        """Tells the backend."""
        self._backend.on_memory_pressure(relieve)

    def submit(self, work: TaskInput) -> bool:
        """Performs the task."""
        self._done.append(execute_timed(work, self._backend))
        return True

    def write_in_background(self, goal: Goal, deliver: Callable[[], None]) -> bool:
        """Nothing is done beside the tasks."""
        return False

    def next_done(self) -> TaskResult | GoalWritten:
        """The task that was performed first."""
        return self._done.popleft()

    def stop(self) -> None:
        """Nothing is being performed."""

    def close(self) -> None:
        """Forgets what was performed and not fetched."""
        self._done.clear()


def execute_timed(work: TaskInput, backend: Backend) -> TaskResult:
    """Performs a task, whatever becomes of it."""
    start = perf_counter()
    made: Sequence[StepResult | StoredValue] | Exception
    try:
        made = perform(work, backend)
    except Exception as error:
        # Whatever goes wrong is the task's result: its goals fail, the others go on. The frames it
        # went through would keep arrays alive, of which there may be too few already.
        made = error.with_traceback(None)
    return TaskResult.of(work.task, made, perf_counter() - start)
