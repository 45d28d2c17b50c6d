"""How is one task performed? The only place where primitives are called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from voxgpu.codegen.reference import evaluate
from voxgpu.codegen.whole_reference import as_read
from voxgpu.cpu.host import OnHost
from voxgpu.cpu.workers import Workers
from voxgpu.elsewhere import here
from voxgpu.execution.rounding import lost_number
from voxgpu.files.header import Header
from voxgpu.files.read import read_with_doubts
from voxgpu.ids import ValueId
from voxgpu.image import Grid, Image
from voxgpu.optimize.schedule import Schedule, Task
from voxgpu.optimize.step import Fetch, Fused, Joint, Single, Step
from voxgpu.plan.node import Node, arguments_of
from voxgpu.primitives.primitive import Doubtful, Primitive, Value, ValueProblem, empty_mask
from voxgpu.primitives.source import CONSTANT, LOAD
from voxgpu.store.kept import Kept
from voxgpu.types import ImageOf, Type


class Vanished(Exception):
    """A value that was there before the run is not any more, or is damaged."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """A value from a file or the store, and what to warn of where it is used: nodes, reasons."""

    value: Value
    doubts: tuple[tuple[ValueId, str], ...]


#: What became of one output of a task. A problem of one leaves the others as they are.
Made = Value | Doubtful | ValueProblem

#: Where values from former runs come from: the value and its doubts, None where there is none.
Recall = Callable[[ValueId], tuple[Value, tuple[tuple[ValueId, str], ...]] | None]


@dataclass(frozen=True, slots=True)
class Work:
    """A task, the values of its inputs, the header of the file and the store, if it needs them."""

    task: Task
    inputs: Mapping[ValueId, Value]
    header: Header | None = None
    recall: Recall | None = None


class Backend(Protocol):
    """What computes: one device."""

    name: str
    fuses: bool

    @property
    def workers(self) -> Workers | None:
        """Threads for tasks; None: one task at a time."""

    def scratch_of(self, node: Node) -> int | None:
        """Bytes per voxel that a node takes besides inputs and result; None: as the reference."""

    def prepare(self, schedule: Schedule) -> None:
        """Is told what is going to be computed."""

    def queues(self, step: Step) -> bool:
        """Whether performing a step only queues work for a device, and so takes no time."""

    def taken(self, step: Step, inputs: Mapping[ValueId, Value]) -> Mapping[ValueId, Value]:
        """Those inputs of a step that had to be brought to where it computes, as they are there."""

    def received(self, value: Value) -> Value:
        """A value that was just read, ready to be brought to where it is computed with."""

    def use_relief(self, relieve: Callable[[int], bool]) -> None:
        """What makes room for so many bytes, where memory is short while a step is queued."""

    def use_kept(self, kept: Kept) -> None:
        """What is kept for later programs, and may be asked to go elsewhere."""

    @property
    def budget(self) -> int | None:
        """Bytes that values may take where this computes; None: in this machine's memory."""

    def call(
        self, primitive: Primitive, arguments: list[Value], grid: Grid | None, id: ValueId
    ) -> Made:
        """One primitive; ``grid`` is that of the result, None for scalars, ``id`` its name."""

    def fused(self, step: Fused, inputs: Mapping[ValueId, Value]) -> list[Made]:
        """One generated kernel."""

    def joint(self, step: Joint, inputs: Mapping[ValueId, Value]) -> list[Made]:
        """Several nodes that share work."""

    def close(self) -> None:
        """Gives up what it holds."""


def perform(work: Work, backend: Backend) -> Sequence[Made | Recalled]:
    """The values that a task makes, in the order of its outputs.

    Raises ValueProblem where there is none, FileProblem where a file cannot be read, Vanished
    where the store does not have what it had.
    """
    inputs = work.inputs
    if not backend.queues(work.task.step):
        inputs = {id: here(value) for id, value in inputs.items()}
    match work.task.step:
        case Fetch(id):
            return [_recalled(work, id, backend)]
        case Fused() as step:
            return backend.fused(step, inputs)
        case Joint() as step:
            return backend.joint(step, inputs)
        case Single(_, node):
            return [_single(work, node, inputs, backend)]


def _single(
    work: Work, node: Node, given: Mapping[ValueId, Value], backend: Backend
) -> Made | Recalled:
    if node.primitive is CONSTANT:
        return node.parameters[0]  # type: ignore[return-value]
    if node.primitive is LOAD:
        assert work.header is not None
        image, doubt = read_with_doubts(work.header)
        reasons = [each for each in (doubt, lost_number(image.array)) if each]
        doubts = tuple((work.task.id, each) for each in reasons)
        return Recalled(backend.received(image), doubts)
    grid = grid_of(work.task.types[0])
    inputs = [given[each] for each in node.inputs]
    value = backend.call(node.primitive, arguments_of(node, inputs), grid, work.task.id)
    if isinstance(value, Image) and grid is not None:
        assert value.grid is grid, node.primitive.name
    if node.primitive.infer is not None and type(value) is Image:
        reason = lost_number(value.array)
        return Doubtful(value, reason) if reason else value
    return value


def _recalled(work: Work, id: ValueId, backend: Backend) -> Recalled:
    found = work.recall(id) if work.recall is not None else None
    if found is None:
        raise Vanished(id)
    value, doubts = found
    kind = work.task.types[0]
    if isinstance(kind, ImageOf) is not isinstance(value, Image):
        raise Vanished(id)
    if isinstance(kind, ImageOf) and isinstance(value, Image):
        assert kind.grid is not None
        if value.grid != kind.grid or value.element.name != kind.element:
            raise Vanished(id)
        value = Image(value.array, kind.grid)
    return Recalled(backend.received(value), doubts)


def grid_of(kind: Type) -> Grid | None:
    """The grid of an image's type, None for anything else."""
    return kind.grid if isinstance(kind, ImageOf) else None


class Reference(OnHost):
    """The reference backend: the meaning of every primitive, with NumPy and SciPy."""

    name = "reference"
    fuses = False
    workers: Workers | None = None

    def scratch_of(self, node: Node) -> int | None:
        """What the primitives say."""
        return None

    def call(
        self, primitive: Primitive, arguments: list[Value], grid: Grid | None, id: ValueId
    ) -> Made:
        """The reference of the primitive."""
        return primitive.reference(arguments, grid)

    def fused(self, step: Fused, inputs: Mapping[ValueId, Value]) -> list[Made]:
        """The bodies of the kernel, evaluated one after the other."""
        images = [_voxels(inputs[id]) for id in step.images]
        scalars = [inputs[id] for id in step.scalars]
        shape = step.grid.shape
        made: list[Made] = [
            Image(evaluate(body, images, scalars, shape).astype(element, copy=False), step.grid)
            for body, element in zip(step.kernel.outputs, step.kernel.written, strict=True)
        ]
        for each in step.numbers:
            count = None
            if each.nonempty is not None:
                gather = step.kernel.gathers[each.nonempty]
                count = evaluate(gather, images, scalars, shape)
            if count == 0:
                made.append(empty_mask(each.mask))
            else:
                made.append(float(evaluate(each.body, images, scalars, shape)))
        return made

    def joint(self, step: Joint, inputs: Mapping[ValueId, Value]) -> list[Made]:
        """Each node on its own."""
        made: list[Made] = []
        for _, node in step.nodes:
            values = [inputs[each] for each in node.inputs]
            images = [each for each in values if isinstance(each, Image)]
            grid = images[0].grid if node.primitive.makes_image else None
            made.append(node.primitive.reference(arguments_of(node, values), grid))
        return made

    def close(self) -> None:
        """Holds nothing."""


def _voxels(value: Value) -> Any:
    """The voxels of an image as kernels read them."""
    assert isinstance(value, Image)
    return as_read(value.array)
