"""The engine: one loop that turns a schedule into results and owns all state of a run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import partial

from voxgpu.deferred import DeferredError, DeferredValue, DeviceLost, fetched, is_ready, warnings_of
from voxgpu.execution.early_saves import files_of_their_own, is_within
from voxgpu.execution.events import Delivered, Failed, Finished, Released, Started
from voxgpu.execution.executor import Executor, GoalWritten
from voxgpu.execution.partial_sequences import Rows, brought
from voxgpu.execution.run_io import RunIO, taken_values
from voxgpu.execution.task import MissingValue, TaskInput, TaskResult
from voxgpu.execution.waiting_tasks import WaitingTasks
from voxgpu.execution.workspace import Workspace
from voxgpu.garbage import Garbage, held_back
from voxgpu.ids import ValueId
from voxgpu.optimize.drop_failed import without_failed_inputs
from voxgpu.optimize.schedule import Schedule, Task
from voxgpu.optimize.step import StoreRead, is_sequence
from voxgpu.plan.node import Goal
from voxgpu.primitives.primitive import Value
from voxgpu.spans import count, span

#: Minimum bytes that overlapping tasks may use beyond the schedule's peak; else 5 % of it.
SLACK = 16 << 20


@dataclass
class Outcome:
    """The result of a run.

    computed         values that were computed, in order
    reused           values that were loaded from the store, in order
    warnings         nodes whose values come with a warning, and its text
    failures         goals that could not be delivered: the goal, the node that failed (None if the
                     delivery failed), and the exception
    device_error     the error by which a device was lost, if one was; the run ended early
    lost_values      values that could not be read back from the store or the spill; if there are
                     any,
                     the run ended early
    remaining_goals  the goals neither delivered nor failed when the run ended early
    values           values in memory that these goals may use
    """

    computed: list[ValueId] = field(default_factory=list)
    reused: list[ValueId] = field(default_factory=list)
    warnings: list[tuple[ValueId, str]] = field(default_factory=list)
    failures: list[tuple[Goal, ValueId | None, Exception]] = field(default_factory=list)
    device_error: DeviceLost | None = None
    lost_values: set[ValueId] = field(default_factory=set)
    remaining_goals: tuple[Goal, ...] = ()
    values: dict[ValueId, Value] = field(default_factory=dict)


def run(schedule: Schedule, executor: Executor, io: RunIO) -> Outcome:
    """Performs the tasks in order and delivers the goals in program order.

    A goal is delivered as soon as it and all goals before it are available or have failed. The
    failure of a task affects only what depends on it. Closes the executor.
    """
    loop = _Loop(schedule, executor, io)
    if io.device is not None:
        io.device.on_memory_pressure(loop.free_memory)
    try:
        with held_back() as garbage:
            return loop.run(garbage)
    except BaseException as error:
        if not isinstance(error, Exception):
            executor.stop()
        raise
    finally:
        executor.close()
        if io.device is not None:
            io.device.on_memory_pressure(None)


class _Loop:
    """The state of one run."""

    def __init__(self, schedule: Schedule, executor: Executor, io: RunIO) -> None:
        self._schedule = schedule
        self._executor = executor
        self._io = io
        self._workspace = Workspace(schedule, taken_values(schedule, io), io.spill)
        self._failed: dict[ValueId, tuple[ValueId, Exception]] = {}
        self._waiting = WaitingTasks(schedule.tasks, self._workspace, self._failed)
        self._running: dict[ValueId, tuple[int, Task]] = {}  # with their places
        self._handed: dict[str, Goal] = {}  # by the file being written
        self._rows = Rows(self._workspace, self._failed)
        self._next_goal = 0
        self._original_tasks: dict[ValueId, Task] = {}  # tasks of which a part has failed
        self._started_goals: set[int] = set()  # goals whose early delivery has started
        self._early_saves = files_of_their_own(schedule.goals)
        self._out_of_memory = False  # until a task that holds memory has ended
        self._lost_goals: list[Goal] = []  # whose background delivery needed a lost device
        self._outcome = Outcome()

    def run(self, garbage: Garbage) -> Outcome:
        self._submit()
        while self._running or self._handed:
            done = self._executor.next_done()
            if isinstance(done, GoalWritten):
                self._finish_goal(done)
            else:
                self._finish(done)
                garbage.note(done.task.bytes)
            self._submit()
        self._deliver_goals()
        while self._handed:
            handed = self._executor.next_done()
            assert isinstance(handed, GoalWritten)
            self._finish_goal(handed)
        order = {id(goal): place for place, goal in enumerate(self._schedule.goals)}
        self._outcome.failures.sort(key=lambda failure: order[id(failure[0])])
        if self._ends_early:
            lost = {id(each) for each in self._lost_goals}
            self._outcome.remaining_goals = tuple(
                each
                for place, each in enumerate(self._schedule.goals)
                if id(each) in lost
                or (place >= self._next_goal and id(each) not in self._started_goals)
            )
            self._outcome.values = dict(self._workspace.in_memory)
        return self._outcome

    @property
    def _ends_early(self) -> bool:
        """Whether the runner has to go on by other means."""
        return bool(self._outcome.lost_values) or self._outcome.device_error is not None

    def _submit(self) -> None:
        """Submits as many tasks as the executor accepts, in schedule order.

        Tasks may overtake one that waits for its inputs, as long as memory use stays within the
        schedule's peak.
        """
        if self._ends_early:
            return
        place = self._waiting.next_after(-1)
        while place is not None and len(self._running) < self._executor.capacity:
            task = self._waiting[place]
            cause = None
            if self._failed:
                cause = next((self._failed[i] for i in task.inputs if i in self._failed), None)
            if cause:
                if is_sequence(task.step) and self._waiting.misses_inputs(place):
                    pass  # the other items will be printed
                elif self._drop_failed(place, task, cause):
                    place -= 1  # what remains of it may start
            elif self._has_room(task):
                self._waiting.remove(place)
                if self._start(place, task):
                    return
            place = self._waiting.next_after(place)

    def _drop_failed(self, place: int, task: Task, cause: tuple[ValueId, Exception]) -> bool:
        """Removes the parts of a task that need a failed value; returns whether any remain."""
        try:
            self._rows.fill(task.step)
        except MissingValue as lost:
            self._outcome.lost_values.add(lost.args[0])
        rest = without_failed_inputs(task.step, self._failed)
        left = rest.outputs if rest is not None else ()
        if rest is None:
            self._waiting.remove(place)
        for id in task.outputs:
            if id not in left:
                self._failed[id] = cause
                self._waiting.note(id)
        if rest is None:
            self._release_inputs(task)
            return False
        kinds = dict(zip(task.outputs, task.types, strict=True))
        smaller = replace(task, step=rest, types=tuple(kinds[id] for id in left))
        self._original_tasks[smaller.id] = self._original_tasks.get(task.id, task)
        self._waiting.replace(place, smaller)
        self._deliver_goals()
        return True

    def _has_room(self, task: Task) -> bool:
        if self._out_of_memory and (self._running or self._handed):
            return False
        required = task.bytes + task.scratch + self._workspace.spilled_bytes(task.inputs)
        if not required:
            return True
        peak = self._schedule.peak_bytes
        most = peak + max(SLACK, peak // 20)
        if self._io.budget is not None:
            most = min(most, self._io.budget)
        reserved = sum(each.bytes + each.scratch for _, each in self._running.values())
        if self._workspace.bytes + reserved + required <= most:
            return True
        if self._running or self._handed:
            return False
        self._spill_beyond_budget(required, task.inputs)
        return True

    def _spill_beyond_budget(self, required: int, needed: Collection[ValueId]) -> None:
        """Spills the values that are used last; values being written to files stay."""
        if self._io.budget is not None:
            written = {goal.value for goal in self._handed.values()}
            self._workspace.fit(self._io.budget - required, written.union(needed))

    def free_memory(self, required: int) -> bool:
        """Spills values to free about ``required`` bytes; returns whether any was spilled."""
        before = self._workspace.bytes
        needed = {id for _, task in self._running.values() for id in task.inputs}
        needed |= {goal.value for goal in self._handed.values()}
        self._workspace.fit(max(0, before - required), needed)
        return self._workspace.bytes < before

    def _start(self, place: int, task: Task) -> bool:
        """Submits a task to the executor; returns whether it is already done."""
        try:
            inputs = {each: self._workspace.get(each) for each in task.inputs}
        except MissingValue as lost:
            self._outcome.lost_values.add(lost.args[0])
            return False
        self._io.observe(Started(task))
        self._running[task.id] = place, task
        device = self._io.device
        try:
            taken = device.upload(task.step, inputs) if device is not None else {}
        except (MemoryError, DeviceLost) as error:
            self._finish(TaskResult.of(task, error.with_traceback(None), 0.0))
            return False
        for id, value in taken.items():
            # A value uploaded for this task stays on the device for later users.
            self._workspace.replace(id, value)
            self._io.uploaded(id, value)
            inputs[id] = value
        header = self._schedule.plan.files.get(task.id)
        return self._executor.submit(TaskInput(task, inputs, header, self._io.load, self._io.read))

    def _finish(self, done: TaskResult) -> None:
        place, _ = self._running.pop(done.task.id)
        if self._may_fit_later(done):
            self._out_of_memory = True
            self._waiting.put_back(place, done.task)
            return
        self._out_of_memory = False
        is_fetched = isinstance(done.task.step, StoreRead)
        for id, result in zip(done.task.outputs, done.results, strict=True):
            if isinstance(result, MissingValue):
                self._outcome.lost_values.add(id)
                return
            if isinstance(result, DeviceLost):
                self._outcome.device_error = result
                return
            if isinstance(result, DeferredError):
                self._failed[id] = (ValueId(result.id), result.error)
            elif isinstance(result, Exception):
                self._failed[id] = (id, result)
            else:
                (self._outcome.reused if is_fetched else self._outcome.computed).append(id)
                self._workspace.add(id, result)
                self._io.keep(id, result, done)
                self._save_early(id)
            self._waiting.note(id)
        self._outcome.warnings += done.warnings
        errors = [each for each in done.results if isinstance(each, Exception)]
        if len(errors) == len(done.results):
            self._io.observe(Failed(done.task, errors[0]))
        else:
            self._io.observe(Finished(done.task, done.seconds, done.scalars))
        count("values, predicted bytes", done.task.live)
        count("values, bytes", self._workspace.bytes)
        self._release_inputs(done.task)

    def _may_fit_later(self, done: TaskResult) -> bool:
        """Returns whether a task failed for lack of memory that running tasks will release."""
        short = any(isinstance(each, MemoryError) for each in done.results)
        return short and bool(self._running or self._handed)

    def _release_inputs(self, task: Task) -> None:
        """Releases values after their last use by a task, and delivers goals that are ready."""
        for id in self._original_tasks.get(task.id, task).inputs:
            self._release(id)
        self._deliver_goals()

    def _release(self, id: ValueId) -> None:
        if self._workspace.used(id):
            self._io.observe(Released(id))

    def _deliver_goals(self) -> None:
        goals = self._schedule.goals
        while self._next_goal < len(goals):
            goal = goals[self._next_goal]
            if id(goal) in self._started_goals:
                pass
            elif goal.value in self._rows and goal.kind is not None:
                if self._waits_for_paths(goal):
                    return
                self._io.deliver(goal, self._rows[goal.value])
                self._delivered(goal, None)
            elif goal.value in self._failed:
                self._outcome.failures.append((goal, *self._failed[goal.value]))
                self._release(goal.value)
            elif goal.value not in self._workspace or not self._deliver_goal(goal):
                return
            self._next_goal += 1

    def _save_early(self, value: ValueId) -> None:
        """Starts to write goals that need not wait for others, while computation continues."""
        for goal in self._early_saves.get(value, ()):
            job = partial(self._write_goal, goal, self._workspace.get(value))
            if self._executor.write_in_background(goal, job):
                self._started_goals.add(id(goal))
                self._handed[goal.target] = goal

    def _write_goal(self, goal: Goal, value: Value) -> None:
        """Delivers a value, wherever it is."""
        with span("writing" if goal.action == "save" else "computing", goal.target):
            if goal.action != "keep":
                value = fetched(value) if goal.kind is None else brought(value)
            elif isinstance(value, DeferredValue):
                value.check()
            self._io.deliver(goal, value)

    def _deliver_goal(self, goal: Goal) -> bool:
        """Delivers a goal, possibly in the background; returns whether delivery could start."""
        required = self._workspace.spilled_bytes([goal.value])
        if required and (self._running or self._handed):
            return False
        if required:
            self._spill_beyond_budget(required, ())
        try:
            value = self._workspace.get(goal.value)
        except MissingValue as lost:
            self._outcome.lost_values.add(lost.args[0])
            return False
        if self._waits_for_paths(goal):
            return False
        file = goal.target
        if goal.action == "save":
            if any(is_within(file, each) or is_within(each, file) for each in self._handed):
                return False  # of two files with one name, the later one must remain
            if self._executor.write_in_background(goal, partial(self._write_goal, goal, value)):
                self._handed[file] = goal
                return True
        try:
            if goal.action != "save" and not is_ready(value) and (self._waiting or self._running):
                return False  # do not wait for a device while there is work to queue
            self._write_goal(goal, value)
        except DeviceLost as error:
            self._outcome.device_error = error
            return False
        except DeferredError as error:
            self._delivered(goal, error)
        except self._io.refusals as error:
            self._delivered(goal, error)
        else:
            self._delivered(goal, None)
        return True

    def _waits_for_paths(self, goal: Goal) -> bool:
        """Returns whether the goal prints paths of files whose writing is still pending."""
        return any(each.label in goal.paths for each in self._handed.values() if goal.paths)

    def _finish_goal(self, handed: GoalWritten) -> None:
        if isinstance(handed.error, DeviceLost):
            self._outcome.device_error = handed.error
            self._lost_goals.append(handed.goal)
            del self._handed[handed.goal.target]
            return
        if handed.error is not None and not isinstance(
            handed.error, (DeferredError, *self._io.refusals)
        ):
            raise handed.error
        self._out_of_memory = False
        del self._handed[handed.goal.target]
        self._delivered(handed.goal, handed.error)
        self._deliver_goals()

    def _delivered(self, goal: Goal, error: Exception | None) -> None:
        if error is None:
            self._io.observe(Delivered(goal))
            found = warnings_of(self._workspace.in_memory.get(goal.value))
            self._outcome.warnings += [(ValueId(id), reason) for id, reason in found]
        elif isinstance(error, DeferredError):
            self._outcome.failures.append((goal, ValueId(error.id), error.error))
        else:
            self._outcome.failures.append((goal, None, error))
        self._release(goal.value)
