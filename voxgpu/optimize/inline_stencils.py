"""Inlining of voxelwise kernels into the neighborhood operations that are their only users.

Fusion with a neighborhood is substitution with a shift: where the neighborhood reads a voxel at an
offset, the producer's expression is evaluated at that offset. Outside the image, the boundary
value of the neighborhood applies, not the producer's expression; anything else would invent voxels
at the border.

Inlining pays off if few offsets of a cheap expression are read. Box dilations and erosions are
excluded, because they read packed rows (``kernels/dilation.py``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from voxgpu.codegen.kernel import Kernel
from voxgpu.codegen.scalar import (
    Element,
    Offset,
    Scalar,
    constant,
    extent,
    position,
)
from voxgpu.codegen.scalar import where as either
from voxgpu.codegen.substitute import SharedExpressions, substitute_all
from voxgpu.ids import ValueId
from voxgpu.optimize.simplify import box_kind
from voxgpu.optimize.step import FusedStep, NodeStep, Step
from voxgpu.plan.node import Plan
from voxgpu.primitives.primitive import AccessPattern
from voxgpu.types import Content, ImageOf

#: Maximum operations per voxel of a kernel, including everything inlined into it.
MOST_OPERATIONS = 256


def inline(plan: Plan, steps: Sequence[Step], available: Collection[ValueId]) -> list[Step]:
    """Returns the steps with every neighborhood as a fused kernel.

    Kernels that only one neighborhood uses are inlined into it, unless it would be too large.
    """
    uses = Counter(each for step in steps for each in step.inputs)
    uses.update(goal.value for goal in plan.goals)
    uses.update(iter(available))
    maker = {id: step for step in steps for id in step.outputs}
    results: dict[ValueId, FusedStep] = {}
    inlined: set[ValueId] = set()
    for step in steps:
        if not _is_neighborhood(plan, step):
            continue
        assert isinstance(step, NodeStep)
        producers = {
            id: producer
            for id in step.inputs
            if isinstance(producer := maker.get(id), FusedStep)
            and uses[id] == step.inputs.count(id) == 1
            and producer.outputs == (id,)
            and not producer.kernel.is_neighborhood
        }
        fused = _fuse(plan, step, producers)
        if fused.kernel.operations > MOST_OPERATIONS and producers:
            fused, producers = _fuse(plan, step, {}), {}
        results[_key(step)] = fused
        inlined.update(_key(producer) for producer in producers.values())
    return [results.get(_key(step), step) for step in steps if _key(step) not in inlined]


def _key(step: Step) -> ValueId:
    """Returns a key that identifies a step: its first output, which no other step computes."""
    return step.outputs[0]


def _is_neighborhood(plan: Plan, step: Step) -> bool:
    if (
        not isinstance(step, NodeStep)
        or step.node.primitive.shape is not AccessPattern.NEIGHBORHOOD
    ):
        return False
    images = [plan.types[each] for each in step.inputs]
    plain = all(
        not isinstance(each, ImageOf) or each.content in (Content.NUMBER, Content.BOOLEAN)
        for each in images
    )
    # Static parameters can be neither images nor scalars of a kernel.
    return plain and box_kind(step.node.primitive) is None and not step.node.parameters


def _fuse(plan: Plan, step: NodeStep, producers: dict[ValueId, FusedStep]) -> FusedStep:
    """Returns a neighborhood fused with its producers, which may be none."""
    kind = plan.types[step.id]
    assert isinstance(kind, ImageOf) and kind.grid is not None
    builder = _Builder(plan, step, producers)
    body = builder.body()
    elements = tuple(builder.element(each) for each in builder.images)
    parameters: tuple[Element, ...] = tuple(builder.scalars.values())
    kernel = Kernel(elements, parameters, (body,), stored=(kind.element,))
    nodes = [pair for producer in producers.values() for pair in producer.nodes]
    return FusedStep(
        kernel,
        kind.grid,
        tuple(builder.images),
        tuple(builder.scalars),
        (step.id,),
        (),
        (*nodes, (step.id, step.node)),
    )


class _Builder:
    """Builds the expression of a neighborhood with the producers' expressions substituted."""

    def __init__(self, plan: Plan, step: NodeStep, producers: dict[ValueId, FusedStep]) -> None:
        self._plan = plan
        self._producers = producers
        self._step = step
        self.images: dict[ValueId, int] = {}
        self.scalars: dict[ValueId, Element] = {}
        types = plan.types
        self._inputs = [each for each in step.inputs if isinstance(types[each], ImageOf)]
        self._numbers = [each for each in step.inputs if not isinstance(types[each], ImageOf)]
        self._shared = SharedExpressions()

    def element(self, image: ValueId) -> str:
        """Returns the stored element type of an input."""
        kind = self._plan.types[image]
        assert isinstance(kind, ImageOf)
        return kind.element

    def body(self) -> Scalar:
        """Returns the complete expression."""
        root = self._step.node.primitive.body
        assert root is not None

        def leaf(each: Scalar) -> Scalar:
            if each.operation == "read":
                return self._read(each)
            if each.operation == "parameter":
                return self._parameter(self._numbers[each.number], each)
            return self._shared(each)

        return substitute_all(root, leaf, self._shared)

    def _read(self, leaf: Scalar) -> Scalar:
        offset, boundary_value = leaf.offset, leaf.boundary_value
        source = self._inputs[leaf.number]
        producer = self._producers.get(source)
        if producer is None:
            return self._image(source, offset, boundary_value, leaf)
        assert boundary_value is not None, "only a neighborhood has one"
        value = self._shift(producer, offset)
        for axis, step in enumerate(reversed(offset)):
            if step:
                place = position(axis) + float(step)
                inside = (place < extent(axis)) if step > 0 else (place >= 0.0)
                value = either(inside, value, constant(boundary_value))
        return value

    def _shift(self, producer: FusedStep, offset: Offset) -> Scalar:
        """Returns the expression of a producer, evaluated at the voxel ``offset`` away."""
        (root,) = producer.kernel.outputs

        def leaf(each: Scalar) -> Scalar:
            if each.operation == "read":
                return self._image(producer.images[each.number], offset, None, each)
            if each.operation == "parameter":
                return self._parameter(producer.scalars[each.number], each)
            if each.operation == "position" and offset[2 - each.axis]:
                return position(each.axis) + float(offset[2 - each.axis])
            return self._shared(each)

        return substitute_all(root, leaf, self._shared)

    def _image(
        self, source: ValueId, offset: Offset, boundary_value: object, leaf: Scalar
    ) -> Scalar:
        number = self.images.setdefault(source, len(self.images))
        read = Scalar("read", (), (number, offset, boundary_value), leaf.element)
        return self._shared(read)

    def _parameter(self, source: ValueId, leaf: Scalar) -> Scalar:
        self.scalars.setdefault(source, leaf.element)
        number = list(self.scalars).index(source)
        return self._shared(Scalar("parameter", (), (number,), leaf.element))
