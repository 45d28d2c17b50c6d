"""Steps: the units of execution.

A step is a single node, a fused kernel, a batch of similar nodes, or a read from the store.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, TypeGuard

from voxgpu.codegen.expression_table import Table, expressions_of, table_of
from voxgpu.codegen.kernel import Kernel
from voxgpu.codegen.scalar import Element, Scalar
from voxgpu.frozen import frozen
from voxgpu.ids import ValueId
from voxgpu.image import Grid
from voxgpu.plan.node import Node, Plan
from voxgpu.primitives.sequence import SEQUENCE
from voxgpu.types import ImageOf


@frozen(slots=True, eq=False)
class NodeStep:
    """One node, computed on its own.

    grid  that of the result; None where it is no image
    """

    id: ValueId
    node: Node
    grid: Grid | None

    @property
    def inputs(self) -> tuple[ValueId, ...]:
        """The ids of the values it reads."""
        return self.node.inputs

    @property
    def outputs(self) -> tuple[ValueId, ...]:
        """The ids of the values it computes."""
        return (self.id,)

    @property
    def name(self) -> str:
        """Display name."""
        return self.node.primitive.names[0]


@frozen(slots=True, eq=False)
class ReducedScalar:
    """A scalar computed from the reductions of a kernel.

    body              an expression over the kernel's reductions
    required_nonzero  index of the reduction that must not be 0, or None
    mask_name         display name of the mask that ``required_nonzero`` counts
    """

    id: ValueId
    body: Scalar
    required_nonzero: int | None = None
    mask_name: str = ""


@frozen(eq=False)
class FusedStep:
    """Nodes that one generated kernel computes in one pass.

    images           the image inputs of the kernel
    scalars          the values of its scalar parameters
    output_images    the images it computes, one for each output
    reduced_scalars  the scalars computed from its reductions
    nodes            the nodes it stands for, in plan order
    """

    kernel: Kernel
    grid: Grid
    images: tuple[ValueId, ...]
    scalars: tuple[ValueId, ...]
    output_images: tuple[ValueId, ...]
    reduced_scalars: tuple[ReducedScalar, ...]
    nodes: tuple[tuple[ValueId, Node], ...]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles its fields; the expressions of its numbers stay those of its kernel."""
        kernel = self.kernel
        bodies = [each.body for each in self.reduced_scalars]
        table = table_of([*kernel.outputs, *kernel.reductions, *bodies])
        parts = (kernel.inputs, kernel.parameters, kernel.stored, len(kernel.outputs))
        numbers = tuple(
            (each.id, each.required_nonzero, each.mask_name) for each in self.reduced_scalars
        )
        rest = (self.grid, self.images, self.scalars, self.output_images, numbers, self.nodes)
        return _fused_step, (table, parts, *rest)

    @cached_property
    def inputs(self) -> tuple[ValueId, ...]:
        """The ids of the values it reads."""
        return tuple(dict.fromkeys((*self.images, *self.scalars)))

    @cached_property
    def outputs(self) -> tuple[ValueId, ...]:
        """The ids of the values it computes."""
        return (*self.output_images, *(each.id for each in self.reduced_scalars))

    @property
    def name(self) -> str:
        """Display name."""
        names = dict.fromkeys(node.primitive.names[0] for _, node in self.nodes)
        return " ".join(names)


@frozen(eq=False)
class BatchedStep:
    """Nodes of one primitive on the same images, which share most of the work.

    shared  how many leading inputs are the same for all
    """

    nodes: tuple[tuple[ValueId, Node], ...]
    shared: int

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles its fields, not what was derived from them."""
        return BatchedStep, (self.nodes, self.shared)

    @cached_property
    def inputs(self) -> tuple[ValueId, ...]:
        """The ids of the values it reads."""
        return tuple(dict.fromkeys(each for _, node in self.nodes for each in node.inputs))

    @cached_property
    def outputs(self) -> tuple[ValueId, ...]:
        """The ids of the values it computes."""
        return tuple(id for id, _ in self.nodes)

    @property
    def name(self) -> str:
        """Display name."""
        return self.nodes[0][1].primitive.names[0]


@frozen(slots=True, eq=False)
class StoreRead:
    """A read of a value from the store."""

    id: ValueId

    @property
    def inputs(self) -> tuple[ValueId, ...]:
        """Empty: a read has no inputs."""
        return ()

    @property
    def outputs(self) -> tuple[ValueId, ...]:
        """The id of the value."""
        return (self.id,)

    @property
    def name(self) -> str:
        """Display name."""
        return "from the store"


#: The steps that a backend executes.
ComputedStep = NodeStep | FusedStep | BatchedStep

Step = ComputedStep | StoreRead


def node_step(plan: Plan, id: ValueId) -> NodeStep:
    """Returns the step of one node of a plan."""
    kind = plan.types[id]
    return NodeStep(id, plan.nodes[id], kind.grid if isinstance(kind, ImageOf) else None)


def is_sequence(step: Step) -> TypeGuard[NodeStep]:
    """Returns whether a step merely assembles values into a sequence."""
    return isinstance(step, NodeStep) and step.node.primitive is SEQUENCE


def _fused_step(
    table: Table,
    parts: tuple[tuple[str, ...], tuple[Element, ...], tuple[str, ...], int],
    grid: Grid,
    images: tuple[ValueId, ...],
    scalars: tuple[ValueId, ...],
    output_images: tuple[ValueId, ...],
    numbers: tuple[tuple[ValueId, int | None, str], ...],
    nodes: tuple[tuple[ValueId, Node], ...],
) -> FusedStep:
    inputs, parameters, stored, outputs = parts
    found = expressions_of(table)
    bodies = len(found) - len(numbers)
    kernel = Kernel(inputs, parameters, found[:outputs], found[outputs:bodies], stored)
    reduced = tuple(
        ReducedScalar(id, body, required_nonzero, mask)
        for (id, required_nonzero, mask), body in zip(numbers, found[bodies:], strict=True)
    )
    return FusedStep(kernel, grid, images, scalars, output_images, reduced, nodes)
