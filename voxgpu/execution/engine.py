"""How does a schedule become results? One loop, which owns all state of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from voxgpu.execution.events import Delivered, Failed, Finished, Observer, Released, Started, ignore
from voxgpu.execution.executor import Done, Executor
from voxgpu.execution.task import Work
from voxgpu.execution.workspace import Workspace
from voxgpu.ids import ValueId
from voxgpu.optimize.schedule import Schedule, Task
from voxgpu.plan.node import Goal
from voxgpu.primitives.primitive import Value

#: Delivers the value of a goal; raises where that cannot be done.
Deliver = Callable[[Goal, Value], None]

#: Is shown a value and how long it took to compute.
Keep = Callable[[ValueId, Value, float], None]


def keep_nothing(id: ValueId, value: Value, seconds: float) -> None:
    """Keeps nothing."""


@dataclass
class Outcome:
    """What a run came to.

    computed  what was computed, in order
    doubts    values that come with a warning: the node, and what to warn of
    failures  the goals that could not be delivered: the goal, the node that failed (None where
              delivering did), and why
    """

    computed: list[ValueId] = field(default_factory=list)
    doubts: list[tuple[ValueId, str]] = field(default_factory=list)
    failures: list[tuple[Goal, ValueId | None, Exception]] = field(default_factory=list)


def run(
    schedule: Schedule,
    executor: Executor,
    deliver: Deliver,
    refusals: tuple[type[Exception], ...] = (),
    observe: Observer = ignore,
    given: Mapping[ValueId, Value] | None = None,
    keep: Keep = keep_nothing,
) -> Outcome:
    """Performs the tasks in order and delivers the goals in the program's order.

    A goal is delivered as soon as it and all goals before it are there, or have failed. A task
    that fails takes only what depends on it along. ``refusals`` are what ``deliver`` raises where
    one goal cannot be delivered; anything else it raises ends the run.

    given  the values that the schedule was told are there already
    keep   is shown every value that is computed, with the seconds that it took
    """
    loop = _Loop(schedule, executor, deliver, refusals, observe, given or {}, keep)
    try:
        return loop.run()
    finally:
        executor.close()


class _Loop:
    def __init__(
        self,
        schedule: Schedule,
        executor: Executor,
        deliver: Deliver,
        refusals: tuple[type[Exception], ...],
        observe: Observer,
        given: Mapping[ValueId, Value],
        keep: Keep,
    ) -> None:
        self._schedule = schedule
        self._executor = executor
        self._deliver = deliver
        self._refusals = refusals
        self._observe = observe
        self._keep = keep
        self._workspace = Workspace(schedule, {id: given[id] for id in schedule.given})
        self._waiting = list(reversed(schedule.tasks))
        self._running = 0
        self._failed: dict[ValueId, tuple[ValueId, Exception]] = {}
        self._next_goal = 0
        self._outcome = Outcome()

    def run(self) -> Outcome:
        self._submit()
        while self._running:
            self._finish(self._executor.next_done())
            self._submit()
        self._deliver_goals()
        return self._outcome

    def _submit(self) -> None:
        """Gives the executor what it has room for, in the order of the schedule."""
        while self._waiting and self._running < self._executor.capacity:
            task = self._waiting[-1]
            cause = next((self._failed[i] for i in task.node.inputs if i in self._failed), None)
            if cause:
                self._waiting.pop()
                self._failed[task.id] = cause
                self._after(task)
            elif all(each in self._workspace for each in task.node.inputs):
                self._waiting.pop()
                self._start(task)
            else:
                return

    def _start(self, task: Task) -> None:
        self._observe(Started(task))
        self._running += 1
        inputs = [self._workspace.get(each) for each in task.node.inputs]
        self._executor.submit(Work(task, inputs, self._schedule.plan.files.get(task.id)))

    def _finish(self, done: Done) -> None:
        self._running -= 1
        if done.error is not None:
            self._failed[done.task.id] = (done.task.id, done.error)
            self._observe(Failed(done.task, done.error))
        else:
            assert done.value is not None
            self._outcome.computed.append(done.task.id)
            self._workspace.add(done.task.id, done.value)
            self._keep(done.task.id, done.value, done.seconds)
            if done.doubt:
                self._outcome.doubts.append((done.task.id, done.doubt))
            self._observe(Finished(done.task, done.seconds))
        self._after(done.task)

    def _after(self, task: Task) -> None:
        """Drops what the task was the last to use and delivers what has become ready."""
        for id in task.node.inputs:
            self._use(id)
        self._deliver_goals()

    def _use(self, id: ValueId) -> None:
        if self._workspace.used(id):
            self._observe(Released(id))

    def _deliver_goals(self) -> None:
        goals = self._schedule.goals
        while self._next_goal < len(goals):
            goal = goals[self._next_goal]
            if goal.value in self._failed:
                self._outcome.failures.append((goal, *self._failed[goal.value]))
            elif goal.value in self._workspace:
                self._deliver_goal(goal)
            else:
                return
            self._use(goal.value)
            self._next_goal += 1

    def _deliver_goal(self, goal: Goal) -> None:
        try:
            self._deliver(goal, self._workspace.get(goal.value))
        except self._refusals as error:
            self._outcome.failures.append((goal, None, error))
        else:
            self._observe(Delivered(goal))
