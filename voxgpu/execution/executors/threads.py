"""An executor that performs tasks on the threads of the run, several at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from threading import Event

from voxgpu.backends.base import Backend
from voxgpu.backends.thread_pool import ThreadPool
from voxgpu.cancellation import cancelled_by
from voxgpu.execution.executor import GoalWritten
from voxgpu.execution.task import TaskInput, TaskResult, execute_timed, is_async
from voxgpu.optimize.step import NodeStep, Step
from voxgpu.plan.node import Goal
from voxgpu.primitives.primitive import AccessPattern
from voxgpu.primitives.source import CONSTANT


class Threads:
    """Tasks overlap, and so do the pieces of each; all on the same threads.

    What takes less time than handing it over, such as adding two numbers or queueing work for a
    device, is done at once.
    """

    def __init__(self, backend: Backend, workers: ThreadPool) -> None:
        self.capacity = workers.count + 1
        self._backend = backend
        self._workers = workers
        self._ready: deque[TaskResult] = deque()
        self._done: SimpleQueue[TaskResult | GoalWritten | BaseException] = SimpleQueue()
        self._stop = Event()

    def submit(self, work: TaskInput) -> bool:
        """Takes a task."""
        if _runs_inline(work.task.step) or is_async(self._backend, work.task.step):
            self._ready.append(execute_timed(work, self._backend))
            return True
        self._workers.submit(lambda: self._perform(work))
        return False

    def write_in_background(self, goal: Goal, deliver: Callable[[], None]) -> bool:
        """Delivers a goal on a thread."""
        self._workers.submit(lambda: self._hand_over(goal, deliver))
        return True

    def next_done(self) -> TaskResult | GoalWritten:
        """Waits for what is done next."""
        if self._ready:
            return self._ready.popleft()
        done = self._done.get()
        if isinstance(done, BaseException):
            raise done
        return done

    def stop(self) -> None:
        """Ends what is being performed, where it can be ended; the threads do the rest alone."""
        self._stop.set()
        self._workers.abandon()

    def close(self) -> None:
        """Forgets what was performed and not fetched; the threads are the backend's."""
        self._ready.clear()

    def _perform(self, work: TaskInput) -> None:
        try:
            with cancelled_by(self._stop):
                self._done.put(execute_timed(work, self._backend))
        except BaseException as error:
            self._done.put(error)

    def _hand_over(self, goal: Goal, deliver: Callable[[], None]) -> None:
        try:
            with cancelled_by(self._stop):
                deliver()
        except Exception as error:
            self._done.put(GoalWritten(goal, error))
        except BaseException as error:
            self._done.put(error)
        else:
            self._done.put(GoalWritten(goal, None))


def _runs_inline(step: Step) -> bool:
    if not isinstance(step, NodeStep):
        return False
    return step.node.primitive is CONSTANT or step.node.primitive.shape is AccessPattern.SCALAR


def create(backend: Backend) -> Threads:
    """Returns the executor of a run on this backend. Raises ValueError where it has no threads."""
    if backend.workers is None:
        raise ValueError(f"the backend {backend.name!r} has no threads: its executor is serial")
    return Threads(backend, backend.workers)
