"""The kernels that programs need on the CPU, for compiling them before a run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from voxgpu.backends.cpu.backend import Cpu
from voxgpu.codegen.kernel import Kernel
from voxgpu.diagnostics import Source, Span
from voxgpu.ids import ValueId
from voxgpu.image import Grid
from voxgpu.optimize.passes import Available, prepare
from voxgpu.optimize.prune import prune
from voxgpu.optimize.step import FusedStep
from voxgpu.plan.node import Goal, Node, Plan
from voxgpu.primitives.primitive import Primitive
from voxgpu.primitives.source import CONSTANT
from voxgpu.types import Content, ImageOf, Type

#: What the voxels of images are that people load, and of those that are computed.
ELEMENTS = ("float32", "int16", "uint8", "uint16", "float64")

#: Where the images of a primitive lie when nobody has loaded any.
_GRID = Grid.regular((2, 2, 2))

_NOWHERE = Span(Source("nowhere", ""), 0, 0)


def kernels_of(plan: Plan, available: Collection[ValueId] = ()) -> Iterator[Kernel]:
    """The generated kernels that a plan needs.

    available  values that need not be computed
    """
    backend = Cpu(1)
    pruned, found = prune(plan, available.__contains__)
    for task in prepare(pruned, backend, Available(stored=tuple(found))).tasks:
        if isinstance(task.step, FusedStep):
            yield task.step.kernel


def kernels_of_catalogue(primitives: Iterable[Primitive]) -> Iterator[Kernel]:
    """The generated kernels of single primitives on images of common elements."""
    for primitive in primitives:
        kinds = [each.type for each in primitive.parameters]
        numbers = any(_is_number_image(each) for each in kinds)
        if primitive.body is not None and any(isinstance(each, ImageOf) for each in kinds):
            for element in ELEMENTS if numbers else ELEMENTS[:1]:
                yield from kernels_of(*_alone(primitive, element))


def _alone(primitive: Primitive, element: str) -> tuple[Plan, list[ValueId]]:
    """A plan of one primitive, and its inputs; ``element`` is that of images of numbers."""
    nodes: dict[ValueId, Node] = {}
    types: dict[ValueId, Type] = {}
    for number, parameter in enumerate(primitive.parameters):
        id = ValueId(f"argument {number}")
        nodes[id] = Node(CONSTANT, (), (number,))
        types[id] = _placed(parameter.type, element)
    given = list(nodes)
    result = ValueId("result")
    nodes[result] = Node(primitive, tuple(given))
    types[result] = _placed(primitive.result, primitive.element or element)
    goal = Goal("find", result, "result", _NOWHERE, _NOWHERE)
    return Plan(nodes, types, (goal,)), given


def _placed(kind: Type, element: str) -> Type:
    """The type with a grid and an element if it is an image type."""
    if not isinstance(kind, ImageOf):
        return kind
    own = element if _is_number_image(kind) else "bool"
    return ImageOf(kind.content, own, 1, _GRID)


def _is_number_image(kind: Type) -> bool:
    return isinstance(kind, ImageOf) and kind.content is Content.NUMBER
