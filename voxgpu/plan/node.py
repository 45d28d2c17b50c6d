"""Plans: content-addressed nodes and the goals that use them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from os.path import normpath
from typing import Any

from voxgpu.diagnostics import Diagnostic, Failure, Span
from voxgpu.frozen import frozen
from voxgpu.ids import Ingredient, ValueId, meaning_of, value_id
from voxgpu.primitives.primitive import Primitive
from voxgpu.types import Type


@frozen(slots=True, eq=False)
class Node:
    """An operation on the values of other nodes.

    inputs      ids of its operands, in the order of the primitive's parameters
    parameters  what else it depends on: the value of a constant, the digest of a file, static
                arguments, the grid of an image that no input determines
    """

    primitive: Primitive
    inputs: tuple[ValueId, ...]
    parameters: tuple[Ingredient, ...] = ()

    @property
    def id(self) -> ValueId:
        """The hash of the fields above and nothing else."""
        meaning = self.primitive.meaning
        if self.parameters:
            meaning += meaning_of(*self.parameters)
        return value_id(meaning, self.inputs)


def arguments_of(node: Node, inputs: Sequence[Any]) -> list[Any]:
    """Returns the arguments of a node's primitive: inputs and static arguments, in order.

    Primitives without declared parameters take any number of inputs; optional ones may be absent.
    """
    if not node.primitive.parameters:
        return list(inputs)
    remaining_inputs, static = iter(inputs), iter(node.parameters)
    count = len(inputs) + sum(each.static for each in node.primitive.parameters)
    return [
        next(static) if parameter.static else next(remaining_inputs)
        for parameter in node.primitive.parameters[:count]
    ]


@frozen(slots=True)
class Goal:
    """A value to deliver. Effects are kept apart from the nodes, so that nodes stay pure.

    action  ``save``, ``print``, or ``find`` for a value that the caller asks for, ``keep`` if it
            stays on the device that computes it
    label   the file name or the label, as written in the program
    file    the resolved path of the file that a ``save`` writes, so that two names of one file
            compare equal; empty if no output folder is known
    part    for a ``save`` of several volumes into one file, the index of the volume, from 0
    parts   the number of volumes; 0 for an image with a file of its own
    labels  whether the image holds labels of `lcc`, saved in the smallest sufficient type
    kind    for a ``print`` of a sequence, its type: items may then be missing; None if the value
            must
            be complete
    missing the items that failed before the run and are not in the value, with their diagnostics
    paths   strings in the value that are paths of files to be written first
    """

    action: str
    value: ValueId
    label: str
    span: Span
    label_span: Span
    file: str = ""
    part: int = 0
    parts: int = 0
    labels: bool = False
    kind: Type | None = None
    missing: tuple[tuple[tuple[int, ...], Diagnostic], ...] = ()
    paths: frozenset[str] = frozenset()

    @property
    def target(self) -> str:
        """Identifies the output file of a ``save``."""
        return self.file or normpath(self.label)


@frozen
class Plan:
    """The meaning of a program.

    nodes    by id; every node comes after its inputs
    types    the types of the nodes' values; images have element type and grid
    goals    in program order
    origins  source location of each node, followed by the calls that lead to it
    files    the header that the reader needs for a file's node
    failures goals that failed after parts of the program ran, with their diagnostics
    loaded   all image files that are loaded, including duplicates by content, and where
    waiting  goals left out because they need execution, which was not possible
    """

    nodes: Mapping[ValueId, Node]
    types: Mapping[ValueId, Type]
    goals: tuple[Goal, ...]
    origins: Mapping[ValueId, tuple[Span, ...]] = field(default_factory=dict)
    files: Mapping[ValueId, Any] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    waiting: tuple[str, ...] = ()
    loaded: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)


def without_dead_nodes(plan: Plan) -> Plan:
    """Returns the plan without nodes that no goal needs, in the same order."""
    needed = {goal.value for goal in plan.goals}
    for id in reversed(list(plan.nodes)):
        if id in needed:
            needed.update(plan.nodes[id].inputs)
    return Plan(
        {id: node for id, node in plan.nodes.items() if id in needed},
        {id: kind for id, kind in plan.types.items() if id in needed},
        plan.goals,
        {id: spans for id, spans in plan.origins.items() if id in needed},
        {id: header for id, header in plan.files.items() if id in needed},
        plan.failures,
        plan.waiting,
    )
