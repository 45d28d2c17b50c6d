"""Scheduling: the order of tasks, the lifetime of values, and the peak memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from voxgpu.codegen.scalar import HERE, Scalar, topological_order
from voxgpu.frozen import frozen
from voxgpu.ids import ValueId
from voxgpu.optimize.step import BatchedStep, FusedStep, NodeStep, Step, StoreRead, node_step
from voxgpu.plan.node import Goal, Node, Plan
from voxgpu.primitives.source import LOAD
from voxgpu.types import Content, ImageOf, Type

_BYTES = {"bool": 1, "f32": 4, "f64": 8}


@frozen(slots=True)
class Task:
    """A step with its memory requirements.

    types    types of the results
    bytes    memory of the results
    scratch  bytes needed during the computation, besides inputs and results
    frees    values that are not needed after this task
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
        """The id of the first result."""
        return self.step.outputs[0]

    @property
    def inputs(self) -> tuple[ValueId, ...]:
        """The values it needs, once for each use."""
        return self.step.inputs

    @property
    def outputs(self) -> tuple[ValueId, ...]:
        """The values it computes."""
        return self.step.outputs

    @property
    def name(self) -> str:
        """Display name: the operations it performs."""
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


@frozen
class Schedule:
    """Tasks in dependency order, and the goals in program order.

    peak_bytes  peak memory of values and computations if every value stays in memory until its last
                use
    initial     values that are in memory before the first task and are used
    """

    plan: Plan
    tasks: tuple[Task, ...]
    peak_bytes: int
    initial: tuple[ValueId, ...] = ()

    @property
    def goals(self) -> tuple[Goal, ...]:
        """The values to deliver."""
        return self.plan.goals


#: Returns scratch bytes per voxel of a node on a backend, besides inputs and result; None: as the
#: reference.
Scratch = Callable[[Node, Plan], float | None]


def schedule(
    plan: Plan,
    available: Collection[ValueId] = (),
    steps: Sequence[Step] | None = None,
    scratch_of: Scratch | None = None,
    stored: Collection[ValueId] = (),
) -> Schedule:
    """Returns the tasks of a plan, ordered so that goals are reached one after the other.

    The order is depth first from each goal: a value is computed just before it is needed, so that
    it can be delivered and freed early.

    available   values that are already in memory; nothing is computed for them
    steps       the units of execution; None: one step per node
    scratch_of  scratch memory of a node on the backend; None: that of the reference
    stored      values that are read from the store where they are needed
    """
    if steps is None:
        known = {*available, *stored}
        steps = [node_step(plan, id) for id in plan.nodes if id not in known]
    maker: dict[ValueId, Step] = {id: step for step in steps for id in step.outputs}
    maker.update((id, StoreRead(id)) for id in stored)
    order = _order(plan, maker, available)
    needed = dict.fromkeys(each for step in order for each in step.inputs)
    needed.update(dict.fromkeys(goal.value for goal in plan.goals))
    used = [id for id in needed if id in available]
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


def _order(plan: Plan, maker: Mapping[ValueId, Step], available: Collection[ValueId]) -> list[Step]:
    order: list[Step] = []
    done: set[ValueId] = set(available)
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
    plan: Plan, order: list[Step], maker: Mapping[ValueId, Step], available: list[ValueId]
) -> list[tuple[ValueId, ...]]:
    """Returns the values that each step uses last; goals are delivered once all before them are."""
    if not order:
        return []
    last_use = dict.fromkeys(available, 0)
    for index, step in enumerate(order):
        last_use.update(dict.fromkeys(step.outputs, index))
    last = dict(last_use)
    for index, step in enumerate(order):
        for each in step.inputs:
            last[each] = index
    delivered = 0
    for goal in plan.goals:
        delivered = max(delivered, last_use[goal.value])
        last[goal.value] = max(last[goal.value], delivered)
    frees: list[list[ValueId]] = [[] for _ in order]
    for id, index in last.items():
        frees[index].append(id)
    return [tuple(dead) for dead in frees]


def bytes_of_type(kind: Type) -> int:
    """Returns the memory of a value; anything but images counts as 0."""
    return kind.bytes if isinstance(kind, ImageOf) else 0


def _scratch(plan: Plan, step: Step, scratch_of: Scratch | None) -> int:
    """Returns the scratch memory of a step, besides its inputs and results."""
    match step:
        case FusedStep():
            # Slices are views of existing arrays.
            return 0
        case StoreRead(id):
            # The packed form is in memory while it is unpacked.
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
        # The reader holds a second copy of the voxels until they are converted.
        return bytes_of_type(kind)
    grid = kind.grid if isinstance(kind, ImageOf) else images[0].grid if images else None
    if grid is None:
        return 0
    known = scratch_of(node, plan) if scratch_of is not None else None
    if known is not None:
        return int(known * grid.voxels)
    converted = sum(
        4 * each.grid.voxels
        for each in images
        if each.grid and each.content is Content.NUMBER and each.element != "float32"
    )
    body = node.primitive.body
    per_voxel = node.primitive.scratch if body is None else _live_expressions(body)
    return converted + per_voxel * grid.voxels


def _live_expressions(body: Scalar) -> int:
    """Returns bytes per voxel of the intermediate arrays that are live at once in a body."""
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
    """Returns bytes per voxel of the value of an expression; 0 for inputs, which exist anyway."""
    if expression.operation in ("parameter", "constant", "extent"):
        return 0
    if expression.operation == "read" and expression.offset == HERE:
        return 0
    return _BYTES[expression.element]
