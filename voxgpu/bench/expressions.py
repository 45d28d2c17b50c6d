"""Calls of single operations of voxgpu, without reading, printing or writing anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from voxgpu.backends.base import Backend
from voxgpu.compile import Options, compile_program
from voxgpu.diagnostics import Source
from voxgpu.execution.create_executor import AUTO, create_executor
from voxgpu.execution.engine import run
from voxgpu.execution.run_io import RunIO
from voxgpu.ids import ValueId
from voxgpu.image import Image
from voxgpu.optimize.passes import Available, prepare
from voxgpu.optimize.prune import prune
from voxgpu.optimize.schedule import Schedule
from voxgpu.plan.node import Plan
from voxgpu.primitives.primitive import Value


class Operations:
    """Expressions over named inputs; ``definitions`` is the text that makes the inputs."""

    def __init__(self, definitions: str, inputs: tuple[str, ...], backend: Backend) -> None:
        self._definitions = definitions
        self._inputs = inputs
        self._backend = backend
        plan = self._plan([f'save "{name}.nii.gz" {name}' for name in inputs])
        values = values_of(prepare(plan, backend), backend)
        #: The inputs as images, by the ids of their nodes.
        self.given = {goal.value: values[goal.value] for goal in plan.goals}
        #: The distances of the voxels of the first input, in mm along (z, y, x).
        self.spacing: tuple[float, ...] = values[plan.goals[0].value].grid.spacing
        #: The inputs as arrays, by name.
        self.arrays = {
            name: values[goal.value].array for name, goal in zip(inputs, plan.goals, strict=True)
        }

    def call(self, expression: str, backend: Backend | None = None) -> Callable[[], Any]:
        """A function that computes an expression anew on each call: an array, or a number."""
        chosen = backend or self._backend
        return caller(self.prepared(expression, chosen), chosen, self.given)

    def prepared(self, expression: str, backend: Backend) -> Schedule:
        """The schedule of an expression, whose last goal is its value."""
        plan = self._plan([f'let r = {expression}\nsave "r.nii.gz" r'])
        if not plan.goals:
            plan = self._plan([f'print "r" {expression}'])
        return scheduled(plan, self.given, backend)

    def _plan(self, goals: list[str]) -> Plan:
        text = "\n".join([self._definitions, *goals]) + "\n"
        compiled = compile_program(Source("benchmark", text), None, Options(output=None))
        errors = [each for each in compiled.errors if each.code != "E102"]
        if errors:
            raise ValueError(str(errors[0].message))
        if compiled.errors:
            return replace(compiled.plan, goals=())
        found = tuple(replace(goal, action="find") for goal in compiled.plan.goals)
        return replace(compiled.plan, goals=found)


def scheduled(plan: Plan, given: Mapping[ValueId, Value], backend: Backend) -> Schedule:
    """The schedule of what is left of a plan where some values are given."""
    return prepare(prune(plan, given.__contains__)[0], backend, Available(given))


def caller(
    planned: Schedule, backend: Backend, given: Mapping[ValueId, Value]
) -> Callable[[], Any]:
    """A function that computes the last goal of a schedule on each call: an array, or a number."""
    goal = planned.goals[-1].value

    def compute() -> Any:
        value = values_of(planned, backend, given)[goal]
        return value.array if isinstance(value, Image) else value

    return compute


def values_of(
    planned: Schedule, backend: Backend, given: Mapping[ValueId, Value] | None = None
) -> dict[Any, Any]:
    """The values of the goals of a schedule, in host memory."""
    found: dict[Any, Any] = {}
    outcome = run(
        planned,
        create_executor(AUTO, backend),
        RunIO(lambda goal, v: found.update({goal.value: v}), initial_values=dict(given or {})),
    )
    if outcome.failures:
        raise outcome.failures[0][2]
    return found
