"""How is one task performed? The only place where primitives are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from voxgpu.files.header import Header
from voxgpu.files.read import read_image
from voxgpu.image import Image
from voxgpu.optimize.schedule import Task
from voxgpu.plan.node import arguments_of
from voxgpu.primitives.primitive import Doubtful, Value
from voxgpu.primitives.source import CONSTANT, LOAD
from voxgpu.types import ImageOf


@dataclass(frozen=True, slots=True)
class Work:
    """A task, the values of its inputs, and the header of the file, if it loads one."""

    task: Task
    inputs: Sequence[Value]
    header: Header | None = None


def perform(work: Work) -> Value | Doubtful:
    """The value of a task on the reference backend.

    Raises ValueProblem where there is none, FileProblem where a file cannot be read.
    """
    node = work.task.node
    if node.primitive is CONSTANT:
        return node.parameters[0]  # type: ignore[return-value]
    if node.primitive is LOAD:
        assert work.header is not None
        return read_image(work.header)
    grid = work.task.type.grid if isinstance(work.task.type, ImageOf) else None
    value = node.primitive.reference(arguments_of(node, work.inputs), grid)
    if isinstance(value, Image) and grid is not None:
        assert value.grid is grid, node.primitive.name
    return value
