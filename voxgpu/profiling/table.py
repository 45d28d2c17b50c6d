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
    device         what computed it
    stored         those of its results that were written to the store
    spilled        bytes of its results that were written to the disk for lack of memory, by id
    """

    task: Task
    seconds: float
    cpu: float
    bytes_read: int
    bytes_written: int
    device: str = ""
    stored: tuple[ValueId, ...] = ()
    spilled: Mapping[ValueId, int] = field(default_factory=dict)


@dataclass
class Line:
    """A line of a table: what was done under one name, in all.

    sources  how many values came from where: ``computed``, ``file``, ``store``
    stored   values that were written to the store
    spilled  bytes that were written to the disk for lack of memory
    """

    name: str
    calls: float = 0
    seconds: float = 0.0
    cpu: float = 0.0
    bytes_read: float = 0
    bytes_written: float = 0
    sources: dict[str, int] = field(default_factory=dict)
    stored: int = 0
    spilled: int = 0

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
    stored: set[ValueId] = set()
    spilled: dict[ValueId, int] = {}
    for each in spans:
        task, value = each.details.get("task"), each.details.get("value")
        if value and "spilled" in each.details:
            spilled[value] = spilled.get(value, 0) + each.details["spilled"]
        elif value:
            stored.add(value)
        if isinstance(task, Task):
            found.setdefault(id(task), (task, []))[1].append(each)
    times = []
    for task, parts in found.values():
        start, end = min(each.start for each in parts), max(each.end for each in parts)
        cpu = sum(each.cpu for each in parts)
        read = sum(bytes_of_type(known.types[id]) for id in set(task.inputs) if id in known.types)
        times.append(
            TaskTime(
                task,
                end - start,
                cpu,
                read,
                task.bytes,
                parts[0].details.get("device", ""),
                tuple(id for id in task.outputs if id in stored),
                {id: spilled[id] for id in task.outputs if id in spilled},
            )
        )
    return times


def source_of(task: Task) -> str:
    """Where the values of a task came from."""
    if isinstance(task.step, StoreRead):
        return "store"
    is_load = any(node.primitive is LOAD for _, node in task.nodes)
    return "file" if is_load else "computed"


def by_primitive(times: Iterable[TaskTime]) -> list[Line]:
    """A line for each primitive; the time of a fused kernel is shared among its nodes alike."""
    every = list(times)
    nodes = {id: node for time in every for id, node in time.task.nodes}

    def name_of(time: TaskTime, id: ValueId) -> str:
        return nodes[id].primitive.names[0] if id in nodes else time.task.name

    return _lines(every, _nodes, name_of)


def by_kernel(times: Iterable[TaskTime]) -> list[Line]:
    """A line for each kernel: fused, batched, or that of one primitive."""
    return _lines(times, lambda time: time.task.outputs[:1], lambda time, _: _kernel(time.task))


def by_device(times: Iterable[TaskTime]) -> list[Line]:
    """A line for each device."""
    return _lines(times, lambda time: time.task.outputs[:1], lambda time, _: time.device)


def by_source_line(times: Iterable[TaskTime], known: Known) -> list[Line]:
    """A line for each line of the program; a fused kernel is shared among its nodes alike."""
    return _lines(times, _nodes, lambda _, id: _place(known.origins, id))


def _nodes(time: TaskTime) -> Sequence[ValueId]:
    return [id for id, _ in time.task.nodes] or list(time.task.outputs)


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


def _lines(
    times: Iterable[TaskTime],
    parts_of: Callable[[TaskTime], Sequence[ValueId]],
    name_of: Callable[[TaskTime, ValueId], str],
) -> list[Line]:
    """Lines, the longest first.

    parts_of  the nodes among which a task is shared in equal parts
    name_of   the line of a node, or of a result
    """
    lines: dict[str, Line] = {}
    for time in times:
        if any(node.primitive is CONSTANT for _, node in time.task.nodes):
            continue
        parts = parts_of(time)
        for id in parts:
            name = name_of(time, id)
            line = lines.setdefault(name, Line(name))
            line.add(time, 1 / len(parts), source_of(time.task))
        for id in {*time.stored, *time.spilled}:
            name = name_of(time, id)
            line = lines.setdefault(name, Line(name))
            line.stored += id in time.stored
            line.spilled += time.spilled.get(id, 0)
    return sorted(lines.values(), key=lambda each: -each.seconds)
