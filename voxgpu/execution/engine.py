"""How does a schedule become results? One loop, which owns all state of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from os.path import normpath, sep
from pathlib import Path

from voxgpu.execution.events import Delivered, Failed, Finished, Observer, Released, Started, ignore
from voxgpu.execution.executor import Done, Executor, Handed
from voxgpu.execution.task import Work
from voxgpu.execution.workspace import Workspace
from voxgpu.ids import ValueId
from voxgpu.optimize.salvage import salvaged
from voxgpu.optimize.schedule import Schedule, Task
from voxgpu.plan.node import Goal
from voxgpu.primitives.primitive import Value

#: Delivers the value of a goal; raises where that cannot be done.
Deliver = Callable[[Goal, Value], None]

#: Is shown a value and how long it took to compute.
Keep = Callable[[ValueId, Value, float], None]


#: How far ahead of a task that waits tasks may be started.
LOOKAHEAD = 64


#: Bytes that tasks which overlap may take beyond the peak of the schedule, at least; else 5 %.
SLACK = 16 << 20


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
        self._running: list[Task] = []
        self._handed: dict[str, Goal] = {}  # by the file that is being written
        self._failed: dict[ValueId, tuple[ValueId, Exception]] = {}
        self._next_goal = 0
        self._whole: dict[ValueId, Task] = {}  # tasks of which a part failed before
        self._begun: set[int] = set()  # goals that were handed over before their turn
        self._early = _files_of_their_own(schedule.goals)
        self._outcome = Outcome()

    def run(self) -> Outcome:
        self._submit()
        while self._running or self._handed:
            done = self._executor.next_done()
            if isinstance(done, Handed):
                self._finish_goal(done)
            else:
                self._finish(done)
            self._submit()
        self._deliver_goals()
        while self._handed:
            handed = self._executor.next_done()
            assert isinstance(handed, Handed)
            self._finish_goal(handed)
        order = {id(goal): place for place, goal in enumerate(self._schedule.goals)}
        self._outcome.failures.sort(key=lambda failure: order[id(failure[0])])
        return self._outcome

    def _submit(self) -> None:
        """Gives the executor what it has room for, in the order of the schedule.

        Where a task still waits for its inputs, tasks after it may overtake it as long as that
        takes no more memory than the schedule takes at its peak.
        """
        place = len(self._waiting) - 1
        last = place - LOOKAHEAD
        while place >= 0 and place > last and len(self._running) < self._executor.capacity:
            task = self._waiting[place]
            cause = next((self._failed[i] for i in task.inputs if i in self._failed), None)
            if cause:
                if self._fail(place, task, cause):
                    continue
            elif all(each in self._workspace for each in task.inputs) and self._has_room(task):
                del self._waiting[place]
                if self._start(task):
                    return
            place = min(place, len(self._waiting)) - 1

    def _fail(self, place: int, task: Task, cause: tuple[ValueId, Exception]) -> bool:
        """Gives up what of a task needs something that failed; whether something is left."""
        rest = salvaged(task.step, self._failed)
        left = rest.outputs if rest is not None else ()
        self._failed.update((id, cause) for id in task.outputs if id not in left)
        if rest is None:
            del self._waiting[place]
            self._after(task)
            return False
        kinds = dict(zip(task.outputs, task.types, strict=True))
        smaller = replace(task, step=rest, types=tuple(kinds[id] for id in left))
        self._whole[smaller.id] = self._whole.get(task.id, task)
        self._waiting[place] = smaller
        self._deliver_goals()
        return True

    def _has_room(self, task: Task) -> bool:
        if not self._running and not self._handed:
            return True
        if not task.bytes + task.scratch:
            return True
        reserved = sum(each.bytes + each.scratch for each in self._running)
        wanted = self._workspace.bytes + reserved + task.bytes + task.scratch
        return wanted <= self._schedule.peak_bytes + max(SLACK, self._schedule.peak_bytes // 20)

    def _start(self, task: Task) -> bool:
        """Gives a task to the executor; whether it is done already."""
        self._observe(Started(task))
        self._running.append(task)
        inputs = {each: self._workspace.get(each) for each in task.inputs}
        return self._executor.submit(Work(task, inputs, self._schedule.plan.files.get(task.id)))

    def _finish(self, done: Done) -> None:
        self._running.remove(done.task)
        for id, result in zip(done.task.outputs, done.results, strict=True):
            if isinstance(result, Exception):
                self._failed[id] = (id, result)
            else:
                self._outcome.computed.append(id)
                self._workspace.add(id, result)
                self._keep(id, result, done.seconds)
                self._save_early(id)
        self._outcome.doubts += done.doubts
        errors = [each for each in done.results if isinstance(each, Exception)]
        if len(errors) == len(done.results):
            self._observe(Failed(done.task, errors[0]))
        else:
            self._observe(Finished(done.task, done.seconds))
        self._after(done.task)

    def _after(self, task: Task) -> None:
        """Drops what the task was the last to use and delivers what has become ready."""
        for id in self._whole.get(task.id, task).inputs:
            self._use(id)
        self._deliver_goals()

    def _use(self, id: ValueId) -> None:
        if self._workspace.used(id):
            self._observe(Released(id))

    def _deliver_goals(self) -> None:
        goals = self._schedule.goals
        while self._next_goal < len(goals):
            goal = goals[self._next_goal]
            if id(goal) in self._begun:
                pass
            elif goal.value in self._failed:
                self._outcome.failures.append((goal, *self._failed[goal.value]))
                self._use(goal.value)
            elif goal.value not in self._workspace or not self._deliver_goal(goal):
                return
            self._next_goal += 1

    def _save_early(self, value: ValueId) -> None:
        """Begins to write what nothing else is in the way of, while the rest is computed."""
        for goal in self._early.get(value, ()):
            job = partial(self._deliver, goal, self._workspace.get(value))
            if self._executor.hand_over(goal, job):
                self._begun.add(id(goal))
                self._handed[normpath(goal.label)] = goal

    def _deliver_goal(self, goal: Goal) -> bool:
        """Delivers a goal, perhaps beside the tasks; whether it could be begun."""
        value = self._workspace.get(goal.value)
        file = normpath(goal.label)
        if goal.action == "save":
            if any(_is_within(file, each) or _is_within(each, file) for each in self._handed):
                return False  # of two files of one name the later one stays
            if self._executor.hand_over(goal, partial(self._deliver, goal, value)):
                self._handed[file] = goal
                return True
        try:
            self._deliver(goal, value)
        except self._refusals as error:
            self._delivered(goal, error)
        else:
            self._delivered(goal, None)
        return True

    def _finish_goal(self, handed: Handed) -> None:
        if handed.error is not None and not isinstance(handed.error, self._refusals):
            raise handed.error
        del self._handed[normpath(handed.goal.label)]
        self._delivered(handed.goal, handed.error)
        self._deliver_goals()

    def _delivered(self, goal: Goal, error: Exception | None) -> None:
        if error is None:
            self._observe(Delivered(goal))
        else:
            self._outcome.failures.append((goal, None, error))
        self._use(goal.value)


def _files_of_their_own(goals: Sequence[Goal]) -> dict[ValueId, list[Goal]]:
    """The saves whose files neither are nor lie below those of others, by what is saved."""
    saves = [(normpath(goal.label), goal) for goal in goals if goal.action == "save"]
    times = Counter(file for file, _ in saves)
    taken = {file for file, count in times.items() if count > 1}
    for file in times:
        above = {str(each) for each in Path(file).parents} & times.keys()
        taken |= above | {file} if above else set()
    found: dict[ValueId, list[Goal]] = {}
    for file, goal in saves:
        if file not in taken:
            found.setdefault(goal.value, []).append(goal)
    return found


def _is_within(file: str, other: str) -> bool:
    """Whether a file is the other one, or would be below it."""
    return file == other or file.startswith(other + sep)
