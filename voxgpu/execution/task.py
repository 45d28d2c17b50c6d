"""Execution of a single task: reads its file or stored value, or executes its step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter

import numpy as np

from voxgpu.backends.base import Backend, StepResult
from voxgpu.deferred import fetched
from voxgpu.execution.rounding import lost_number
from voxgpu.files.header import Header
from voxgpu.files.read import read_with_warning
from voxgpu.frozen import frozen
from voxgpu.ids import ValueId
from voxgpu.image import Grid, Image
from voxgpu.optimize.schedule import Task
from voxgpu.optimize.step import BatchedStep, FusedStep, NodeStep, Step, StoreRead
from voxgpu.plan.node import Node
from voxgpu.primitives.primitive import (
    Value,
    ValueWithWarning,
)
from voxgpu.primitives.source import CONSTANT, LOAD
from voxgpu.spans import span
from voxgpu.types import ImageOf


class MissingValue(Exception):
    """Raised if a value that was available before the run is missing or damaged."""


@frozen(slots=True)
class StoredValue:
    """A value from a file or the store, with its warnings: (node id, text)."""

    value: Value
    warnings: tuple[tuple[ValueId, str], ...]


#: Loads a value of an earlier run with its warnings; None if it is missing.
LoadFromStore = Callable[[ValueId], tuple[Value, tuple[tuple[ValueId, str], ...]] | None]


#: Reads the image of a header; returns it with a warning or ''.
ReadImage = Callable[[Header], tuple[Image, str]]


@frozen(slots=True)
class TaskInput:
    """A task, the values of its inputs and, if needed, the header of its file and the store."""

    task: Task
    inputs: Mapping[ValueId, Value]
    header: Header | None = None
    recall: LoadFromStore | None = None
    read: ReadImage = read_with_warning


@frozen(slots=True)
class TaskResult:
    """A finished task: for each output its value or exception.

    warnings  warnings about its values
    """

    task: Task
    results: tuple[Value | Exception, ...]
    seconds: float
    warnings: tuple[tuple[ValueId, str], ...] = ()

    @classmethod
    def of(
        cls, task: Task, result: Sequence[StepResult | StoredValue] | Exception, seconds: float
    ) -> TaskResult:
        """Creates the result from what ``perform`` returned or raised."""
        if isinstance(result, Exception):
            return cls(task, (result,) * len(task.outputs), seconds)
        values: list[Value | Exception] = []
        warnings: list[tuple[ValueId, str]] = []
        for id, each in zip(task.outputs, result, strict=True):
            match each:
                case ValueWithWarning(value, reason):
                    values.append(value)
                    warnings.append((id, reason))
                case StoredValue(value, remembered):
                    values.append(value)
                    warnings += remembered
                case _:
                    values.append(each)
        return cls(task, tuple(values), seconds, tuple(warnings))

    @property
    def scalars(self) -> dict[ValueId, float | bool | str]:
        """The numbers, truth values and texts among the results; not those on a device."""
        return {
            id: each
            for id, each in zip(self.task.outputs, self.results, strict=True)
            if isinstance(each, float | bool | str)
        }


def execute_timed(work: TaskInput, backend: Backend) -> TaskResult:
    """Performs a task and measures its time; exceptions become part of the result."""
    start = perf_counter()
    made: Sequence[StepResult | StoredValue] | Exception
    try:
        device = _device_of(backend, work.task.step)
        with span(_category(work.task.step), work.task.name, task=work.task, device=device):
            made = perform(work, backend)
    except Exception as error:
        # A failure is the result of its task: goals that depend on it fail, the others continue.
        # The traceback is dropped, since its frames would keep arrays alive when memory may be
        # short.
        made = error.with_traceback(None)
    return TaskResult.of(work.task, made, perf_counter() - start)


def _category(step: Step) -> str:
    """The category of the span in which a step is performed."""
    if isinstance(step, StoreRead):
        return "loading from the store"
    is_load = isinstance(step, NodeStep) and step.node.primitive is LOAD
    return "reading" if is_load else "computing"


def _device_of(backend: Backend, step: Step) -> str:
    """The name of the device that computes a step."""
    storage = backend.device_storage
    return backend.name if storage is None else storage.device_of(step)


def is_async(backend: Backend, step: Step) -> bool:
    """Returns whether executing a step only queues work for a device."""
    storage = backend.device_storage
    return storage is not None and storage.is_async(step)


def perform(work: TaskInput, backend: Backend) -> Sequence[StepResult | StoredValue]:
    """Returns the values of a task, in the order of its outputs.

    Raises UndefinedValueError if a value is undefined, FileError if a file cannot be read,
    MissingValue if a value is missing from the store.
    """
    inputs = work.inputs
    if not is_async(backend, work.task.step):
        inputs = {id: fetched(value) for id, value in inputs.items()}
    # Infinities and NaN are values of the language; NumPy's warnings about them would reach users.
    with np.errstate(all="ignore"):
        return _performed(work, inputs, backend)


def _performed(
    work: TaskInput, inputs: Mapping[ValueId, Value], backend: Backend
) -> Sequence[StepResult | StoredValue]:
    match work.task.step:
        case StoreRead(id):
            return [_recalled(work, id, backend)]
        case NodeStep(node=node) if node.primitive is CONSTANT:
            return [node.parameters[0]]  # type: ignore[list-item]
        case NodeStep(node=node) if node.primitive is LOAD:
            return [_loaded(work, backend)]
        case NodeStep(_, node, grid) as step:
            (result,) = backend.execute(step, inputs)
            return [_checked(result, node, grid)]
        case FusedStep() | BatchedStep() as step:
            return backend.execute(step, inputs)


def _loaded(work: TaskInput, backend: Backend) -> StoredValue:
    """The image of a file, with warnings of what its numbers lose."""
    assert work.header is not None
    image, warning = work.read(work.header)
    reasons = [each for each in (warning, lost_number(image.array)) if each]
    warnings = tuple((work.task.id, each) for each in reasons)
    return StoredValue(_staged(backend, image), warnings)


def _checked(result: StepResult, node: Node, grid: Grid | None) -> StepResult:
    """The result of one node, with a warning where it has numbers that arithmetic rounds."""
    if isinstance(result, Image) and grid is not None:
        assert result.grid is grid, node.primitive.name
    if node.primitive.infer is not None and type(result) is Image:
        reason = lost_number(result.array)
        return ValueWithWarning(result, reason) if reason else result
    return result


def _recalled(work: TaskInput, id: ValueId, backend: Backend) -> StoredValue:
    found = work.recall(id) if work.recall is not None else None
    if found is None:
        raise MissingValue(id)
    value, warnings = found
    kind = work.task.types[0]
    if isinstance(kind, ImageOf) is not isinstance(value, Image):
        raise MissingValue(id)
    if isinstance(kind, ImageOf) and isinstance(value, Image):
        assert kind.grid is not None
        if value.grid != kind.grid or value.element.name != kind.element:
            raise MissingValue(id)
        value = Image(value.array, kind.grid)
    return StoredValue(_staged(backend, value), warnings)


def _staged(backend: Backend, value: Value) -> Value:
    """Prepares a value that was just read for upload, if the backend has a device."""
    storage = backend.device_storage
    return value if storage is None else storage.stage(value)
