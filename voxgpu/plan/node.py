"""What is a plan? Nodes named by what they mean, and the goals beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os.path import normpath
from typing import Any

from voxgpu.diagnostics import Diagnostic, Failure, Span
from voxgpu.ids import Ingredient, ValueId, meaning_of, value_id
from voxgpu.primitives.primitive import Primitive
from voxgpu.types import Type


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One operation on values that other nodes make.

    inputs      ids of the values it is applied to, in the order of the primitive's parameters
    parameters  what else it depends on: the value of a constant, the digest of a file, static
                arguments, the grid of an image that no input determines
    """

    primitive: Primitive
    inputs: tuple[ValueId, ...]
    parameters: tuple[Ingredient, ...] = ()

    @property
    def id(self) -> ValueId:
        """The hash of everything above; nothing else is in it."""
        meaning = self.primitive.meaning
        if self.parameters:
            meaning += meaning_of(*self.parameters)
        return value_id(meaning, self.inputs)


def arguments_of(node: Node, inputs: Sequence[Any]) -> list[Any]:
    """What a node's primitive is given: the inputs, static arguments in their places.

    Primitives without parameters take any number of inputs; optional ones may be missing.
    """
    if not node.primitive.parameters:
        return list(inputs)
    given, static = iter(inputs), iter(node.parameters)
    count = len(inputs) + sum(each.static for each in node.primitive.parameters)
    return [
        next(static) if parameter.static else next(given)
        for parameter in node.primitive.parameters[:count]
    ]


@dataclass(frozen=True, slots=True)
class Goal:
    """Something to deliver: effects are beside the nodes, so that nodes stay pure.

    action  ``save`` or ``print``
    label   the file name or the label, as the program gives it
    file    the file that a ``save`` writes, links followed, so that two names of one file are
            equal; empty where nothing is known of folders
    part    of a ``save`` of several volumes into one file, which one this is, from 0
    parts   how many they are; 0 for an image with a file of its own
    labels  whether the image has labels of `lcc`, which are saved in as few bytes as hold them
    kind    of what the program prints: its type. Items of a sequence may then be missing; None
            where a value is wanted whole
    missing the items that failed before the run and are not in the value: place, what to tell
    paths   texts in the value that are paths of files to be written before
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
        """What tells the file of a ``save`` from those of others."""
        return self.file or normpath(self.label)


@dataclass(frozen=True)
class Plan:
    """A program's meaning.

    nodes    by id; every node comes after its inputs
    types    of the nodes' values; images with element and grid
    goals    in the order of the program
    origins  where each node comes from: its place in the text, then the calls around it
    files    what the reader needs to load the file of a node: its header
    failures goals that are not here, and what is wrong, found after parts of the program ran
    loaded   all files of the images that are loaded, also of equal ones, and where
    waiting  goals that are not here because nothing could be run to find what they need
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
    """The plan without what no goal needs, in the same order."""
    wanted = {goal.value for goal in plan.goals}
    for id in reversed(list(plan.nodes)):
        if id in wanted:
            wanted.update(plan.nodes[id].inputs)
    return Plan(
        {id: node for id, node in plan.nodes.items() if id in wanted},
        {id: kind for id, kind in plan.types.items() if id in wanted},
        plan.goals,
        {id: spans for id, spans in plan.origins.items() if id in wanted},
        {id: header for id, header in plan.files.items() if id in wanted},
        plan.failures,
        plan.waiting,
    )
