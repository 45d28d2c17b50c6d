"""An executor that performs tasks on the threads of the run, several at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from threading import Event

from voxgpu.cpu.workers import Workers
from voxgpu.execution.executor import Done, Handed, Relief
from voxgpu.execution.serial import timed
from voxgpu.execution.task import Backend, Work
from voxgpu.ids import ValueId
from voxgpu.optimize.schedule import Task
from voxgpu.optimize.step import Single
from voxgpu.plan.node import Goal
from voxgpu.primitives.primitive import Shape, Value
from voxgpu.primitives.source import CONSTANT
from voxgpu.stopping import wanted_until


class Threads:
    """Tasks overlap, and so do the pieces of each; all on the same threads.

    What takes less time than handing it over, such as adding two numbers or queueing work for a
    device, is done at once.
    """

    def __init__(self, backend: Backend, workers: Workers) -> None:
        self.capacity = workers.count + 1
        self._backend = backend
        self._workers = workers
        self._ready: deque[Done] = deque()
        self._done: SimpleQueue[Done | Handed | BaseException] = SimpleQueue()
        self._stop = Event()

    def taken(self, task: Task, inputs: Mapping[ValueId, Value]) -> Mapping[ValueId, Value]:
        """What the backend has brought to where it computes."""
        return self._backend.taken(task.step, inputs)

    def use_relief(self, relieve: Relief) -> None:
        """Tells the backend."""
        self._backend.use_relief(relieve)

    def submit(self, work: Work) -> bool:
        """Takes a task."""
        if _is_light(work) or self._backend.queues(work.task.step):
            self._ready.append(timed(work, self._backend))
            return True
        self._workers.submit(lambda: self._perform(work))
        return False

    def hand_over(self, goal: Goal, deliver: Callable[[], None]) -> bool:
        """Delivers a goal on a thread."""
        self._workers.submit(lambda: self._hand_over(goal, deliver))
        return True

    def next_done(self) -> Done | Handed:
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

    def _perform(self, work: Work) -> None:
        try:
            with wanted_until(self._stop):
                self._done.put(timed(work, self._backend))
        except BaseException as error:
            self._done.put(error)

    def _hand_over(self, goal: Goal, deliver: Callable[[], None]) -> None:
        try:
            with wanted_until(self._stop):
                deliver()
        except Exception as error:
            self._done.put(Handed(goal, error))
        except BaseException as error:
            self._done.put(error)
        else:
            self._done.put(Handed(goal, None))


def _is_light(work: Work) -> bool:
    step = work.task.step
    if not isinstance(step, Single):
        return False
    return step.node.primitive is CONSTANT or step.node.primitive.shape is Shape.SCALAR
