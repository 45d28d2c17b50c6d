"""A backend whose every step is compared with the reference.

Idea: ``ValidatingBackend`` wraps the backend of a run and changes nothing about it: the schedule,
the steps and where values lie are those of the real run. Before a step is performed, the reference
computes each of its nodes from the same inputs, one primitive after the other, as if nothing were
fused; afterwards the outputs are compared. So a difference belongs to this step, whatever was
computed before. Tasks run one at a time, so that the first difference is the same in every run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from voxgpu.backends.base import Backend, DeviceStorage, StepResult
from voxgpu.backends.equality import are_comparable, differing_voxels, same_values
from voxgpu.backends.reference import ReferenceBackend
from voxgpu.backends.thread_pool import ThreadPool
from voxgpu.deferred import DeferredError, fetched
from voxgpu.diagnostics import Diagnostic, Note, Span, at_trace
from voxgpu.ids import ValueId
from voxgpu.image import Grid, Image
from voxgpu.optimize.drop_failed import without_failed_inputs
from voxgpu.optimize.schedule import Schedule
from voxgpu.optimize.step import BatchedStep, ComputedStep, FusedStep, NodeStep
from voxgpu.plan.node import Node, Plan, arguments_of
from voxgpu.primitives.primitive import Primitive, UndefinedValueError, Value, ValueWithWarning
from voxgpu.primitives.source import CONSTANT

#: The outcome of a node by either side: its value, or why it has none.
Outcome = Value | UndefinedValueError


class ValidationError(Exception):
    """A backend computed another value than the reference; ``diagnostic`` says which and where."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


class ValidatingBackend:
    """A backend that compares each step with the reference; raises ValidationError."""

    #: One task at a time.
    workers: ThreadPool | None = None

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.name, self.fuses = backend.name, backend.fuses
        self._plan = Plan({}, {}, ())

    def scratch_bytes(self, node: Node, plan: Plan) -> float | None:
        """Bytes per voxel of the backend's own implementation."""
        return self._backend.scratch_bytes(node, plan)

    def prepare(self, schedule: Schedule) -> None:
        """Prepare the backend; remember where the nodes of the plan come from."""
        self._plan = schedule.plan
        self._backend.prepare(schedule)

    @property
    def device_storage(self) -> DeviceStorage | None:
        """The memory of the backend's device; None: values are in this machine's memory."""
        return self._backend.device_storage

    def execute(self, step: ComputedStep, inputs: Mapping[ValueId, Value]) -> Sequence[StepResult]:
        """Compute a step and compare its outputs with those of the reference."""
        if isinstance(step, NodeStep):
            return self._single(step, inputs)
        return self._compared(step, inputs)

    def close(self) -> None:
        """Close the backend."""
        self._backend.close()

    def _single(self, step: NodeStep, inputs: Mapping[ValueId, Value]) -> Sequence[StepResult]:
        primitive = step.node.primitive
        given = arguments_of(step.node, [inputs[each] for each in step.node.inputs])
        try:
            expected = outcome_of(primitive, [fetched(each) for each in given], step.grid)
        except DeferredError:  # an argument has no value: neither has the result
            return self._backend.execute(step, inputs)
        try:
            made = self._backend.execute(step, inputs)
        except UndefinedValueError as problem:
            self._compare(step.id, primitive, problem, expected, ())
            raise
        self._compare(step.id, primitive, made[0], expected, ())
        return made

    def _compared(
        self, step: FusedStep | BatchedStep, inputs: Mapping[ValueId, Value]
    ) -> Sequence[StepResult]:
        expected = self._expected(step, inputs)
        made = self._backend.execute(step, inputs)
        results = dict(zip(step.outputs, made, strict=True))
        for id, node in step.nodes:
            if id in results and id in expected:
                others = [each.primitive for _, each in step.nodes]
                self._compare(id, node.primitive, results[id], expected[id], others)
        return made

    def _expected(
        self, step: FusedStep | BatchedStep, inputs: Mapping[ValueId, Value]
    ) -> dict[ValueId, Outcome]:
        """Returns the outputs by the reference, except those with an undefined input."""
        given: dict[ValueId, Value] = {}
        failed: set[ValueId] = set()
        for id, value in inputs.items():
            try:
                given[id] = fetched(value)
            except DeferredError:
                failed.add(id)
        values: dict[ValueId, Outcome] = dict(given)
        left = without_failed_inputs(step, failed) if failed else step
        wanted = set(left.outputs) if left is not None else set()
        uses = Counter(each for _, node in step.nodes for each in node.inputs)
        grid = step.grid if isinstance(step, FusedStep) else None
        for id, node in step.nodes:
            outcome = self._outcome(node, values, grid)
            if outcome is not None:
                values[id] = outcome
            uses.subtract(node.inputs)
            for each in node.inputs:
                if not uses[each] and each not in wanted:
                    values.pop(each, None)
        found: dict[ValueId, Outcome | None] = {i: v for i, v in values.items() if i in wanted}
        if isinstance(left, FusedStep) and len(found) < len(wanted):
            # A node has an input that the kernel does not read, such as the image of ``x(v)``.
            made = zip(left.outputs, ReferenceBackend().execute(left, given), strict=True)
            found = {**{id: _value_of(result, id) for id, result in made}, **found}
        return {id: value for id, value in found.items() if value is not None}

    def _outcome(
        self, node: Node, values: Mapping[ValueId, Outcome], grid: Grid | None
    ) -> Outcome | None:
        """Returns the outcome of a node by the reference; None if an input is unknown.

        grid  of the images of the step; None: that of the first input
        """
        given = [values[i] if i in values else self._constant(i) for i in node.inputs]
        problem = next((each for each in given if isinstance(each, UndefinedValueError)), None)
        if problem is not None:
            return problem
        if any(each is None for each in given):
            return None
        if not node.primitive.makes_image:
            grid = None
        elif grid is None:
            grid = next(each.grid for each in given if isinstance(each, Image))
        return outcome_of(node.primitive, arguments_of(node, given), grid)

    def _constant(self, id: ValueId) -> Any:
        node = self._plan.nodes.get(id)
        # A value that was known before the run is a constant without parameters.
        is_constant = node is not None and node.primitive is CONSTANT and node.parameters
        return node.parameters[0] if node is not None and is_constant else None

    def _compare(
        self,
        id: ValueId,
        primitive: Primitive,
        result: StepResult,
        expected: Outcome,
        others: Sequence[Primitive],
    ) -> None:
        """Raises ValidationError where a result differs from the expected one."""
        found = _value_of(result, id)
        if found is None or same_values(found, expected):
            return
        what = f"`{primitive.names[0]}` on {self.name} {difference(found, expected)}"
        notes = [Note(text, None) for text in _details(found, expected)]
        names = dict.fromkeys(f"`{each.names[0]}`" for each in others)
        if len(names) > 1:
            notes.append(Note(f"it was computed together with others: {', '.join(names)}", None))
        hint = "this is a defect of voxgpu, not of the program: please report it"
        if primitive.extension is not None:
            hint = "a primitive must have the same value each time: nothing random, no state"
        trace = _origin(self._plan, id)
        raise ValidationError(at_trace("E306", what, trace, tuple(notes), hint))


class Backends(Protocol):
    """The backend for each plan; see ``BackendSelector``."""

    def of(self, plan: Plan) -> Backend:
        """The backend for a plan."""

    def use_cpu(self) -> None:
        """Select the CPU for all further plans."""

    def close(self) -> None:
        """Close all of them."""


class ValidatingSelector:
    """Selects backends as another selector does, and validates each."""

    def __init__(self, selector: Backends) -> None:
        self._selector = selector

    def of(self, plan: Plan) -> Backend:
        """The validating backend for a plan."""
        return ValidatingBackend(self._selector.of(plan))

    def use_cpu(self) -> None:
        """Select the CPU for all further plans."""
        self._selector.use_cpu()

    def close(self) -> None:
        """Close the backends."""
        self._selector.close()


def outcome_of(primitive: Primitive, arguments: list[Any], grid: Grid | None) -> Outcome:
    """Returns the value of a primitive by its reference, or why it is undefined."""
    try:
        found = primitive.reference(arguments, grid)
    except UndefinedValueError as problem:
        return problem
    return found.value if isinstance(found, ValueWithWarning) else found


def _value_of(result: StepResult, id: ValueId) -> Outcome | None:
    """Returns a result in host memory; None if one of its inputs is undefined."""
    if isinstance(result, ValueWithWarning):
        result = result.value
    try:
        if isinstance(result, DeferredError):
            raise result
        found: Outcome = fetched(result)
    except DeferredError as late:
        own = late.id == id and isinstance(late.error, UndefinedValueError)
        return late.error if own else None  # type: ignore[return-value]
    return found


def difference(actual: Outcome, expected: Outcome) -> str:
    """Describes a difference: the first voxel in file order, and both values."""
    if isinstance(actual, Image) and isinstance(expected, Image):
        mine, theirs = actual.array, expected.array
        if not are_comparable(mine, theirs):
            return f"is {_kind(actual)}, and {_kind(expected)} by the reference"
        place = tuple(int(each) for each in np.argwhere(differing_voxels(mine, theirs))[0])
        return (
            f"is {_text(mine[place])} at voxel {_voxel(place, actual.grid)}, "
            f"and {_text(theirs[place])} by the reference"
        )
    if isinstance(actual, tuple) and isinstance(expected, tuple) and len(actual) == len(expected):
        pairs = list(zip(actual, expected, strict=True))
        number = next(n for n, pair in enumerate(pairs) if not same_values(*pair))
        return f"has an item {number} that {difference(*pairs[number])}"
    return f"{_said(actual)}, and {_said(expected).removeprefix('is ')} by the reference"


def _details(actual: Outcome, expected: Outcome) -> list[str]:
    """Counts the differing voxels."""
    if not (isinstance(actual, Image) and isinstance(expected, Image)):
        return []
    if not are_comparable(actual.array, expected.array):
        return []
    count = int(np.count_nonzero(differing_voxels(actual.array, expected.array)))
    return [f"{count} of {actual.array.size} voxels differ"]


def _voxel(index: tuple[int, ...], grid: Grid) -> str:
    """The indices of a voxel along (x, y, z), as the language counts them, and its channel."""
    axes = len(grid.shape)
    indices = ", ".join(map(str, reversed(index[:axes])))
    channel = f", channel {index[axes]}" if len(index) > axes else ""
    return f"({indices}){channel}"


def _kind(image: Image) -> str:
    shape = " × ".join(map(str, reversed(image.array.shape)))
    return f"an image of {image.array.dtype.newbyteorder('=').name}, {shape} voxels"


def _said(outcome: Outcome) -> str:
    if isinstance(outcome, UndefinedValueError):
        return f"has no value ({outcome})"
    if isinstance(outcome, Image):
        return f"is {_kind(outcome)}"
    if isinstance(outcome, tuple):
        return f"is a sequence of {len(outcome)}"
    return f"is {_text(outcome)}"


def _text(value: Any) -> str:
    """Formats a voxel or number with all of its digits, or a truth value."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _origin(plan: Plan, id: ValueId) -> tuple[Span, ...]:
    """The origin of a node; for one that the optimizer added, that of a node which uses it."""
    waiting, seen = [id], {id}
    while waiting:
        each = waiting.pop(0)
        if plan.origins.get(each):
            return plan.origins[each]
        users = [user for user, node in plan.nodes.items() if each in node.inputs]
        waiting += [user for user in users if user not in seen]
        seen.update(users)
    return ()
