"""In which order is a plan computed, what is dropped when, and how much memory does that take?"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from voxgpu.codegen.scalar import HERE, Scalar, topological_order
from voxgpu.ids import ValueId
from voxgpu.optimize.step import BatchedStep, FusedStep, NodeStep, Step, StoreRead
from voxgpu.plan.node import Goal, Node, Plan
from voxgpu.primitives.source import LOAD
from voxgpu.types import Content, ImageOf, Type

_BYTES = {"bool": 1, "f32": 4, "f64": 8}


@dataclass(frozen=True, slots=True)
class Task:
    """One step to compute.

    types    of the results
    bytes    memory of the results
    scratch  bytes that computing takes besides inputs and results, while it lasts
    frees    values that nothing needs any more afterwards
    live     bytes of all values in memory right after the task, before anything is freed
    """

    step: Step
    types: tuple[Type, ...]
    bytes: int
    scratch: int
    frees: tuple[ValueId, ...]
    live: int

    @property
    def id(self) -> ValueId:
        """The first result's."""
        return self.step.outputs[0]

    @property
    def inputs(self) -> tuple[ValueId, ...]:
        """What must be there before, each once for each use."""
        return self.step.inputs

    @property
    def outputs(self) -> tuple[ValueId, ...]:
        """What is there afterwards."""
        return self.step.outputs

    @property
    def name(self) -> str:
        """For people: the operations it performs."""
        return self.step.name

    @property
    def nodes(self) -> tuple[tuple[ValueId, Node], ...]:
        """The nodes it computes."""
        match self.step:
            case StoreRead():
                return ()
            case NodeStep(id, node):
                return ((id, node),)
            case FusedStep() | BatchedStep():
                return self.step.nodes


@dataclass(frozen=True)
class Schedule:
    """Tasks in an order in which inputs come first, and the goals in the program's order.

    peak_bytes  the most memory that values and their computation take at any time, if all values
                stay in memory as long as they are needed
    given       values that are in memory before the first task and are used
    """

    plan: Plan
    tasks: tuple[Task, ...]
    peak_bytes: int
    given: tuple[ValueId, ...] = ()

    @property
    def goals(self) -> tuple[Goal, ...]:
        """What is delivered."""
        return self.plan.goals


#: Bytes per voxel that a backend takes for a node besides inputs and result; None: as the
#: reference does.
Scratch = Callable[[Node], int | None]


def schedule(
    plan: Plan,
    given: Collection[ValueId] = (),
    steps: Sequence[Step] | None = None,
    scratch_of: Scratch | None = None,
    stored: Collection[ValueId] = (),
) -> Schedule:
    """The tasks of a plan in an order that brings the goals about one after the other.

    Depth first from each goal: what a goal needs is computed just before it, so that it can be
    delivered and dropped early.

    given       values that are in memory already: nothing is computed for them
    steps       what is computed at a time; None: node by node
    scratch_of  bytes that a node takes besides inputs and result on the backend; None: those of
                the reference
    stored      values that are read from the store where they are needed
    """
    if steps is None:
        known = {*given, *stored}
        steps = [NodeStep(id, node) for id, node in plan.nodes.items() if id not in known]
    maker: dict[ValueId, Step] = {id: step for step in steps for id in step.outputs}
    maker.update((id, StoreRead(id)) for id in stored)
    order = _order(plan, maker, given)
    needed = dict.fromkeys(each for step in order for each in step.inputs)
    needed.update(dict.fromkeys(goal.value for goal in plan.goals))
    used = [id for id in needed if id in given]
    frees = _frees(plan, order, maker, used)
    tasks: list[Task] = []
    live = peak = sum(bytes_of_type(plan.types[id]) for id in used)
    for step, dead in zip(order, frees, strict=True):
        types = tuple(plan.types[id] for id in step.outputs)
        result, scratch = sum(map(bytes_of_type, types)), _scratch(plan, step, scratch_of)
        live += result
        peak = max(peak, live + scratch)
        tasks.append(Task(step, types, result, scratch, dead, live))
        live -= sum(bytes_of_type(plan.types[each]) for each in dead)
    return Schedule(plan, tuple(tasks), peak, tuple(used))


def _order(plan: Plan, maker: Mapping[ValueId, Step], given: Collection[ValueId]) -> list[Step]:
    order: list[Step] = []
    done: set[ValueId] = set(given)
    for goal in plan.goals:
        stack = [(goal.value, False)]
        while stack:
            id, ready = stack.pop()
            if id in done:
                continue
            step = maker[id]
            if ready:
                done.update(step.outputs)
                order.append(step)
            else:
                stack.append((id, True))
                stack.extend((each, False) for each in reversed(step.inputs) if each not in done)
    return order


def _frees(
    plan: Plan, order: list[Step], maker: Mapping[ValueId, Step], given: list[ValueId]
) -> list[tuple[ValueId, ...]]:
    """What each step is the last to use; goals use their values once all before are delivered."""
    if not order:
        return []
    place = dict.fromkeys(given, 0)
    for index, step in enumerate(order):
        place.update(dict.fromkeys(step.outputs, index))
    last = dict(place)
    for index, step in enumerate(order):
        for each in step.inputs:
            last[each] = index
    delivered = 0
    for goal in plan.goals:
        delivered = max(delivered, place[goal.value])
        last[goal.value] = max(last[goal.value], delivered)
    frees: list[list[ValueId]] = [[] for _ in order]
    for id, index in last.items():
        frees[index].append(id)
    return [tuple(dead) for dead in frees]


def bytes_of_type(kind: Type) -> int:
    """Memory that a value takes; numbers and the like count as nothing."""
    return kind.bytes if isinstance(kind, ImageOf) else 0


def _scratch(plan: Plan, step: Step, scratch_of: Scratch | None) -> int:
    """What a step takes besides its inputs and results."""
    match step:
        case FusedStep():
            # Slices of inputs and outputs lie in the arrays themselves.
            return 0
        case StoreRead(id):
            # What was read is unpacked while all of it is there.
            return bytes_of_type(plan.types[id])
        case BatchedStep():
            nodes = step.nodes
        case NodeStep(id, node):
            nodes = ((id, node),)
    return max(_node_scratch(plan, id, node, scratch_of) for id, node in nodes)


def _node_scratch(plan: Plan, id: ValueId, node: Node, scratch_of: Scratch | None) -> int:
    kind = plan.types[id]
    images = [t for t in (plan.types[each] for each in node.inputs) if isinstance(t, ImageOf)]
    if node.primitive is LOAD:
        # The reader holds the voxels once more until they are an array of ours.
        return bytes_of_type(kind)
    grid = kind.grid if isinstance(kind, ImageOf) else images[0].grid if images else None
    if grid is None:
        return 0
    known = scratch_of(node) if scratch_of is not None else None
    if known is not None:
        return known * grid.voxels
    converted = sum(
        4 * each.grid.voxels
        for each in images
        if each.grid and each.content is Content.NUMBER and each.element != "float32"
    )
    body = node.primitive.body
    per_voxel = node.primitive.scratch if body is None else _live_expressions(body)
    return converted + per_voxel * grid.voxels


def _live_expressions(body: Scalar) -> int:
    """Bytes per voxel of the intermediate arrays that live at once while a body is evaluated."""
    order = topological_order([body])
    last = {id(e): index for index, expression in enumerate(order) for e in expression.arguments}
    live = peak = 0
    for index, expression in enumerate(order):
        live += _array_bytes(expression)
        peak = max(peak, live)
        for argument in {id(e): e for e in expression.arguments}.values():
            if last[id(argument)] == index:
                live -= _array_bytes(argument)
    return peak


def _array_bytes(expression: Scalar) -> int:
    """Bytes per voxel that the value of an expression takes; inputs are there anyway."""
    if expression.operation in ("parameter", "constant", "extent"):
        return 0
    if expression.operation == "read" and expression.detail[1] == HERE:
        return 0
    return _BYTES[expression.element]
