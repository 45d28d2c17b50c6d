"""An executor that performs several tasks at once on the threads of the run."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from threading import Event

from voxgpu.backends.base import Backend
from voxgpu.backends.thread_pool import ThreadPool
from voxgpu.cancellation import cancelled_by, current
from voxgpu.execution.executor import GoalWritten
from voxgpu.execution.task import TaskInput, TaskResult, execute_timed, is_async
from voxgpu.optimize.schedule import Task
from voxgpu.optimize.simplify import box_kind
from voxgpu.optimize.step import FusedStep, NodeStep
from voxgpu.plan.node import Goal
from voxgpu.primitives.primitive import AccessPattern
from voxgpu.primitives.source import CONSTANT

#: Voxels up to which a pass over an image takes less time than handing it to a thread.
SMALL_VOXELS = 1 << 15


class Threads:
    """Runs tasks, and the pieces of each, in parallel on the same threads.

    Tasks that take less time than handing them over, such as adding two numbers or queuing work for
    a device, run immediately.
    """

    def __init__(self, backend: Backend, workers: ThreadPool) -> None:
        self.capacity = workers.count + 1
        self._backend = backend
        self._workers = workers
        self._ready: deque[TaskResult] = deque()
        self._done: SimpleQueue[TaskResult | GoalWritten | BaseException] = SimpleQueue()
        # Who may cancel the caller may cancel what other threads do for it.
        self._stop = current() or Event()

    def submit(self, work: TaskInput) -> bool:
        """Accepts a task."""
        if _runs_inline(work.task) or is_async(self._backend, work.task.step):
            self._ready.append(execute_timed(work, self._backend))
            return True
        self._workers.submit(lambda: self._perform(work))
        return False

    def write_in_background(self, goal: Goal, deliver: Callable[[], None]) -> bool:
        """Delivers a goal on a thread."""
        self._workers.submit(lambda: self._write_goal(goal, deliver))
        return True

    def next_done(self) -> TaskResult | GoalWritten:
        """Waits for the next finished task or goal."""
        if self._ready:
            return self._ready.popleft()
        done = self._done.get()
        if isinstance(done, BaseException):
            raise done
        return done

    def stop(self) -> None:
        """Cancels running tasks where possible; threads finish the others unattended."""
        self._stop.set()
        self._workers.abandon()

    def close(self) -> None:
        """Drops unfetched results; the threads belong to the backend."""
        self._ready.clear()

    def _perform(self, work: TaskInput) -> None:
        try:
            with cancelled_by(self._stop):
                self._done.put(execute_timed(work, self._backend))
        except BaseException as error:
            self._done.put(error)

    def _write_goal(self, goal: Goal, deliver: Callable[[], None]) -> None:
        try:
            with cancelled_by(self._stop):
                deliver()
        except Exception as error:
            self._done.put(GoalWritten(goal, error))
        except BaseException as error:
            self._done.put(error)
        else:
            self._done.put(GoalWritten(goal, None))


def _runs_inline(task: Task) -> bool:
    match task.step:
        case NodeStep(_, node):
            if node.primitive is CONSTANT or node.primitive.shape is AccessPattern.SCALAR:
                return True
            return box_kind(node.primitive) is not None and task.bytes <= SMALL_VOXELS
        case FusedStep() as step:
            return step.grid.voxels <= SMALL_VOXELS
    return False


def create(backend: Backend) -> Threads:
    """Returns the executor of a run on this backend. Raises ValueError where it has no threads."""
    if backend.workers is None:
        raise ValueError(f"the backend {backend.name!r} has no threads: its executor is serial")
    return Threads(backend, backend.workers)
