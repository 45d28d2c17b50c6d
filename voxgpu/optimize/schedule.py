"""In which order is a plan computed, what is dropped when, and how much memory does that take?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from voxgpu.codegen.scalar import HERE, Scalar, topological
from voxgpu.ids import ValueId
from voxgpu.plan.node import Goal, Node, Plan
from voxgpu.primitives.source import LOAD
from voxgpu.types import Content, ImageOf, Type

_BYTES = {"bool": 1, "f32": 4, "f64": 8}


@dataclass(frozen=True, slots=True)
class Task:
    """One node to compute.

    bytes    memory of the result
    scratch  bytes that computing takes besides inputs and result, while it lasts
    frees    values that nothing needs any more afterwards
    live     bytes of all values in memory right after the task, before anything is freed
    """

    id: ValueId
    node: Node
    type: Type
    bytes: int
    scratch: int
    frees: tuple[ValueId, ...]
    live: int


@dataclass(frozen=True)
class Schedule:
    """Tasks in an order in which inputs come first, and the goals in the program's order.

    peak_bytes  the most memory that values and their computation take at any time
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


class _Costs(NamedTuple):
    result: int
    scratch: int


def schedule(plan: Plan, given: Collection[ValueId] = ()) -> Schedule:
    """The tasks of a plan in an order that brings the goals about one after the other.

    Depth first from each goal: what a goal needs is computed just before it, so that it can be
    delivered and dropped early.

    given  values that are in memory already: nothing is computed for them
    """
    order = _order(plan, given)
    needed = dict.fromkeys(each for id in order for each in plan.nodes[id].inputs)
    needed.update(dict.fromkeys(goal.value for goal in plan.goals))
    used = [id for id in needed if id in given]
    frees = _frees(plan, order, used)
    tasks: list[Task] = []
    live = peak = sum(_costs(plan, id).result for id in used)
    for id in order:
        result, scratch = _costs(plan, id)
        live += result
        peak = max(peak, live + scratch)
        dead = frees[id]
        tasks.append(Task(id, plan.nodes[id], plan.types[id], result, scratch, dead, live))
        live -= sum(_costs(plan, each).result for each in dead)
    return Schedule(plan, tuple(tasks), peak, tuple(used))


def _order(plan: Plan, given: Collection[ValueId]) -> list[ValueId]:
    order: list[ValueId] = []
    done: set[ValueId] = set(given)
    for goal in plan.goals:
        stack = [(goal.value, False)]
        while stack:
            id, ready = stack.pop()
            if id in done:
                continue
            if ready:
                done.add(id)
                order.append(id)
            else:
                stack.append((id, True))
                stack.extend((each, False) for each in reversed(plan.nodes[id].inputs))
    return order


def _frees(
    plan: Plan, order: list[ValueId], given: list[ValueId]
) -> dict[ValueId, tuple[ValueId, ...]]:
    """What each task is the last to use; goals use their values once all before are delivered."""
    if not order:
        return {}
    place = {**dict.fromkeys(given, 0), **{id: index for index, id in enumerate(order)}}
    last = dict(place)
    for id in order:
        for each in plan.nodes[id].inputs:
            last[each] = place[id]
    delivered = 0
    for goal in plan.goals:
        delivered = max(delivered, place[goal.value])
        last[goal.value] = max(last[goal.value], delivered)
    frees: dict[ValueId, list[ValueId]] = {id: [] for id in order}
    for id, index in last.items():
        frees[order[index]].append(id)
    return {id: tuple(dead) for id, dead in frees.items()}


def _costs(plan: Plan, id: ValueId) -> _Costs:
    kind = plan.types[id]
    node = plan.nodes[id]
    result = kind.bytes if isinstance(kind, ImageOf) else 0
    images = [t for t in (plan.types[each] for each in node.inputs) if isinstance(t, ImageOf)]
    if node.primitive is LOAD:
        # The reader holds the voxels once more until they are an array of ours.
        return _Costs(result, result)
    grid = kind.grid if isinstance(kind, ImageOf) else images[0].grid if images else None
    if grid is None:
        return _Costs(result, 0)
    converted = sum(
        4 * each.grid.voxels
        for each in images
        if each.grid and each.content is Content.NUMBER and each.element != "float32"
    )
    body = node.primitive.body
    per_voxel = node.primitive.scratch if body is None else _live_expressions(body)
    return _Costs(result, converted + per_voxel * grid.voxels)


def _live_expressions(body: Scalar) -> int:
    """Bytes per voxel of the intermediate arrays that live at once while a body is evaluated."""
    order = topological([body])
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
