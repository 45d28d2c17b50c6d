"""Runs one primitive, or a plan, on a backend, through the passes and the executor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from voxgpu.backends.base import Backend
from voxgpu.backends.equality import same_values as same
from voxgpu.diagnostics import Source, Span
from voxgpu.execution.create_executor import AUTO, create_executor
from voxgpu.execution.engine import run
from voxgpu.execution.run_io import RunIO
from voxgpu.ids import ValueId
from voxgpu.image import Grid, Image
from voxgpu.optimize.passes import Available, Target, prepare
from voxgpu.optimize.prune import prune
from voxgpu.optimize.schedule import Schedule
from voxgpu.plan.node import Goal, Node, Plan
from voxgpu.primitives.primitive import Primitive, Value
from voxgpu.primitives.source import CONSTANT
from voxgpu.types import (
    BOOLEAN,
    NUMBER,
    TEXT,
    Content,
    ImageOf,
    Type,
)

NOWHERE = Span(Source("nowhere", ""), 0, 0)

__all__ = ["execute", "outcome_of", "plan_of", "prepared_with", "same", "type_of"]


def type_of(value: Value) -> Type:
    """The type of a value."""
    if isinstance(value, Image):
        element = value.element.newbyteorder("=").name
        content = Content.BOOLEAN if element == "bool" else Content.NUMBER
        return ImageOf(content, element, 1, value.grid)
    return BOOLEAN if isinstance(value, bool) else TEXT if isinstance(value, str) else NUMBER


def prepared_with(plan: Plan, given: Mapping[ValueId, Value], target: Target) -> Schedule:
    """A plan prepared for a backend, with these values available."""
    return prepare(prune(plan, given.__contains__)[0], target, Available(given))


def execute(plan: Plan, given: Mapping[ValueId, Value], backend: Backend) -> dict[str, Any]:
    """The values or exceptions of the goals of a plan, by label."""
    found: dict[str, Any] = {}
    planned = prepared_with(plan, given, backend)
    backend.prepare(planned)
    io = RunIO(lambda g, v: found.update({g.label: v}), initial_values=dict(given))
    outcome = run(planned, create_executor(AUTO, backend), io)
    for goal, _, error in outcome.failures:
        found[goal.label] = error
    return found


def outcome_of(primitive: Primitive, arguments: list[Value], grid: Grid, backend: Backend) -> Any:
    """The value of one primitive, or the exception."""
    return execute(*plan_of(primitive, arguments, grid), backend)["result"]


def plan_of(
    primitive: Primitive, arguments: list[Value], grid: Grid
) -> tuple[Plan, dict[ValueId, Value]]:
    """The plan of one primitive, whose goal is ``result``, and the values that it begins with."""
    nodes: dict[ValueId, Node] = {}
    types: dict[ValueId, Type] = {}
    given: dict[ValueId, Value] = {}
    inputs, static = [], []
    for number, (value, parameter) in enumerate(zip(arguments, primitive.parameters, strict=True)):
        if parameter.static:
            static.append(value)
            continue
        id = ValueId(f"argument {number}")
        nodes[id] = Node(CONSTANT, (), (number,))
        types[id] = type_of(value)
        given[id] = value
        inputs.append(id)
    result = primitive.result
    if isinstance(result, ImageOf):
        first = next((each for each in types.values() if isinstance(each, ImageOf)), result)
        element = primitive.element_of(first.element, *static)
        result = ImageOf(result.content, element, 1, grid)
    id = ValueId("result")
    nodes[id] = Node(primitive, tuple(inputs), tuple(static))  # type: ignore[arg-type]
    types[id] = result
    goal = Goal("find", id, "result", NOWHERE, NOWHERE)
    return Plan(nodes, types, (goal,)), given
