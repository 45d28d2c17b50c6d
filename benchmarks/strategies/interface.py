"""The interface that every strategy has, and what all of them perform a task with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from voxgpu.backends.base import Backend
from voxgpu.cancellation import cancelled_by, raise_if_cancelled
from voxgpu.execution.task import TaskInput, execute_timed
from voxgpu.files.header import Header
from voxgpu.ids import ValueId
from voxgpu.optimize.drop_failed import without_failed_inputs
from voxgpu.optimize.schedule import Schedule, Task
from voxgpu.optimize.step import is_sequence
from voxgpu.plan.missing_items import Gap
from voxgpu.plan.node import Goal
from voxgpu.store.disk import DiskStore


@dataclass(frozen=True, slots=True)
class Failed:
    """What stands for a value that could not be computed.

    node   the node that failed
    row    the items that are left of a sequence, with gaps, for goals that print these
    """

    node: ValueId
    error: Exception
    row: tuple[Any, ...] | None = None


@dataclass
class StrategyIO:
    """What a strategy acts on the world with.

    backend  the kernels; None where they are in other processes
    deliver  prints or saves the value of a goal; may be called from any thread
    store    where values are handed from one session to the next
    client   of dask.distributed, for strategies with workers
    threads  of each worker
    output   where workers write the files of goals; None: they send their values
    stop     set once the results are no longer wanted
    begun    called with every task before it is performed in this process
    """

    backend: Backend
    deliver: Callable[[Goal, Any], None]
    store: DiskStore | None = None
    client: Any = None
    threads: int = 1
    output: str | None = None
    stop: Event = field(default_factory=Event)
    begun: Callable[[Task], None] = lambda task: None


@dataclass
class Counted:
    """What a run did.

    performed  tasks, in whatever process
    failures   goals that could not be delivered: the goal, the node that failed, and why
    moved      bytes that passed between processes
    handed     bytes that were handed on through the store
    """

    performed: int = 0
    failures: list[tuple[Goal, ValueId | None, Exception]] = field(default_factory=list)
    moved: int = 0
    handed: int = 0


#: A strategy: performs the tasks of a schedule and delivers its goals. Once ``deliver`` raises what
#: is no `Exception`, such as KeyboardInterrupt, so does it, after it has stopped what it can.
Strategy = Callable[[Schedule, StrategyIO], Counted]


def performed(
    task: Task,
    values: Mapping[ValueId, Any],
    header: Header | None,
    backend: Backend,
    stop: Event | None = None,
) -> dict[ValueId, Any]:
    """Returns the results of a task by id, each a value or `Failed`; raises no `Exception`.

    values  those of the inputs of the task, each a value or `Failed`
    """
    failed = {id: values[id] for id in task.inputs if isinstance(values[id], Failed)}
    found: dict[ValueId, Any] = {}
    if failed:
        first = next(failed[id] for id in task.inputs if id in failed)
        row = None
        if is_sequence(task.step):
            row = tuple(_item(values[id]) for id in task.step.inputs)
        rest = without_failed_inputs(task.step, failed)
        left = rest.outputs if rest is not None else ()
        lost = Failed(first.node, first.error, row)
        found.update((id, lost) for id in task.outputs if id not in left)
        if rest is None:
            return found
        kinds = dict(zip(task.outputs, task.types, strict=True))
        types = tuple(kinds[id] for id in left)
        task = Task(rest, types, task.bytes, task.scratch, task.frees, task.live)
    inputs = {id: values[id] for id in task.inputs}
    with cancelled_by(stop):
        raise_if_cancelled()
        done = execute_timed(TaskInput(task, inputs, header), backend)
    for id, result in zip(task.outputs, done.results, strict=True):
        is_error = isinstance(result, Exception)
        found[id] = Failed(id, result) if is_error else result
    return found


def _item(value: Any) -> Any:
    if not isinstance(value, Failed):
        return value
    return value.row if value.row is not None else Gap(value.node, value.error)


def deliver(goal: Goal, value: Any, io: StrategyIO, counted: Counted) -> None:
    """Delivers a goal, or notes that it failed."""
    if isinstance(value, Failed) and goal.kind is not None and value.row is not None:
        value = value.row
    if isinstance(value, Failed):
        counted.failures.append((goal, value.node, value.error))
        return
    try:
        io.deliver(goal, value)
    except Exception as error:
        counted.failures.append((goal, None, error))


class Graph:
    """The dependencies between the tasks of a schedule, by their indices.

    maker  the task that makes a value
    needs  the tasks that a task needs
    users  the tasks that need a task
    uses   how many tasks and goals use a value
    goals  the goals of a value
    """

    def __init__(self, schedule: Schedule) -> None:
        self.tasks: Sequence[Task] = schedule.tasks
        self.header_of = schedule.plan.files.get
        self.maker = {id: index for index, task in enumerate(self.tasks) for id in task.outputs}
        self.needs = [{self.maker[id] for id in task.inputs} for task in self.tasks]
        self.users: list[list[int]] = [[] for _ in self.tasks]
        self.uses: dict[ValueId, int] = dict.fromkeys(self.maker, 0)
        self.goals: dict[ValueId, list[Goal]] = {}
        for index, needed in enumerate(self.needs):
            for each in needed:
                self.users[each].append(index)
            for id in dict.fromkeys(self.tasks[index].inputs):
                self.uses[id] += 1
        for goal in schedule.goals:
            self.goals.setdefault(goal.value, []).append(goal)
            self.uses[goal.value] += 1

    def perform(self, index: int, values: Mapping[ValueId, Any], io: StrategyIO) -> dict[Any, Any]:
        """Performs a task in this process."""
        task = self.tasks[index]
        io.begun(task)
        return performed(task, values, self.header_of(task.id), io.backend, io.stop)

    def inputs_of(self, index: int, values: Mapping[ValueId, Any]) -> dict[ValueId, Any]:
        """Returns the values that a task needs."""
        return {id: values[id] for id in self.tasks[index].inputs}

    def release(self, ids: Sequence[ValueId], values: dict[ValueId, Any]) -> None:
        """Counts one use of each value, and drops those that have no other."""
        for id in dict.fromkeys(ids):
            self.uses[id] -= 1
            if not self.uses[id]:
                values.pop(id, None)
