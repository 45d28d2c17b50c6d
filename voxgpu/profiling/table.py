"""Tables of a profile: by primitive, by kernel and by line of the program."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from voxgpu.diagnostics import Span
from voxgpu.frozen import frozen
from voxgpu.ids import ValueId
from voxgpu.optimize.schedule import Task, bytes_of_type
from voxgpu.optimize.step import BatchedStep, FusedStep, StoreRead
from voxgpu.plan.node import Plan
from voxgpu.primitives.source import CONSTANT, LOAD
from voxgpu.spans import TimeSpan
from voxgpu.types import Type


@frozen
class TaskTime:
    """The time that a task took, on all threads.

    seconds        wall time, from its start to its end
    cpu            CPU seconds of all its threads
    bytes_read     bytes of its inputs
    bytes_written  bytes of its results
    """

    task: Task
    seconds: float
    cpu: float
    bytes_read: int
    bytes_written: int


@dataclass
class Line:
    """A line of a table: what was done under one name, in all."""

    name: str
    calls: float = 0
    seconds: float = 0.0
    cpu: float = 0.0
    bytes_read: float = 0
    bytes_written: float = 0
    sources: dict[str, int] = field(default_factory=dict)

    def add(self, time: TaskTime, share: float, source: str) -> None:
        """Count a share of a task, whose value came from ``source``."""
        self.calls += share
        self.seconds += time.seconds * share
        self.cpu += time.cpu * share
        self.bytes_read += time.bytes_read * share
        self.bytes_written += time.bytes_written * share
        self.sources[source] = self.sources.get(source, 0) + 1

    def bytes_per_second(self) -> float:
        """Bytes read and written in a second of wall time."""
        return (self.bytes_read + self.bytes_written) / self.seconds if self.seconds else 0.0


@frozen
class Known:
    """What is known of the nodes of all plans that were run.

    types    of their values
    origins  their places in the program
    """

    types: Mapping[ValueId, Type]
    origins: Mapping[ValueId, tuple[Span, ...]]

    @staticmethod
    def of(plans: Iterable[Plan]) -> Known:
        """What plans know together."""
        types: dict[ValueId, Type] = {}
        origins: dict[ValueId, tuple[Span, ...]] = {}
        for plan in plans:
            types.update(plan.types)
            origins.update(plan.origins)
        return Known(types, origins)


def task_times(spans: Iterable[TimeSpan], known: Known) -> list[TaskTime]:
    """The tasks among the spans, in the order in which they began."""
    found: dict[int, tuple[Task, list[TimeSpan]]] = {}
    for each in spans:
        task = each.details.get("task")
        if isinstance(task, Task):
            found.setdefault(id(task), (task, []))[1].append(each)
    times = []
    for task, parts in found.values():
        start, end = min(each.start for each in parts), max(each.end for each in parts)
        cpu = sum(each.cpu for each in parts)
        read = sum(bytes_of_type(known.types[id]) for id in set(task.inputs) if id in known.types)
        times.append(TaskTime(task, end - start, cpu, read, task.bytes))
    return times


def source_of(task: Task) -> str:
    """Where the values of a task came from."""
    if isinstance(task.step, StoreRead):
        return "store"
    is_load = any(node.primitive is LOAD for _, node in task.nodes)
    return "file" if is_load else "computed"


def by_primitive(times: Iterable[TaskTime]) -> list[Line]:
    """A line for each primitive; the time of a fused kernel is shared among its nodes alike."""
    return _lines(times, lambda task: [node.primitive.names[0] for _, node in task.nodes])


def by_kernel(times: Iterable[TaskTime]) -> list[Line]:
    """A line for each kernel: fused, batched, or that of one primitive."""
    return _lines(times, lambda task: [_kernel(task)])


def by_source_line(times: Iterable[TaskTime], known: Known) -> list[Line]:
    """A line for each line of the program; a fused kernel is shared among its nodes alike."""

    def places(task: Task) -> list[str]:
        ids: Sequence[ValueId] = [id for id, _ in task.nodes] or list(task.outputs)
        return [_place(known.origins, id) for id in ids]

    return _lines(times, places)


def place_of(task: Task, known: Known) -> str:
    """The line of the program that a task is of, or the first of several."""
    ids = [id for id, _ in task.nodes] or list(task.outputs)
    return _place(known.origins, ids[0])


def _place(origins: Mapping[ValueId, tuple[Span, ...]], id: ValueId) -> str:
    spans = origins.get(id, ())
    # The last of the calls that lead to a node is in the program that was run.
    if not spans:
        return "?"
    line, _ = spans[-1].source.line_and_column(spans[-1].start)
    return f"{spans[-1].source.name}:{line}  {spans[-1].source.line(line).strip()}"


def _kernel(task: Task) -> str:
    match task.step:
        case FusedStep():
            return f"fused: {task.name}"
        case BatchedStep() as step:
            return f"{task.name} × {len(step.nodes)}"
        case _:
            return task.name


def _lines(times: Iterable[TaskTime], names_of: Callable[[Task], Sequence[str]]) -> list[Line]:
    lines: dict[str, Line] = {}
    for time in times:
        if any(node.primitive is CONSTANT for _, node in time.task.nodes):
            continue
        names = names_of(time.task) or [time.task.name]
        for name in names:
            line = lines.setdefault(name, Line(name))
            line.add(time, 1 / len(names), source_of(time.task))
    return sorted(lines.values(), key=lambda each: -each.seconds)
