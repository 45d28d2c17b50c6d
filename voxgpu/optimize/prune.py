"""Pruning: the part of a plan that is left to compute, given the values that are available."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from voxgpu.ids import ValueId
from voxgpu.plan.node import Node, Plan, without_dead_nodes
from voxgpu.primitives.source import CONSTANT

#: Stands for an available value: a node without inputs.
_AVAILABLE = Node(CONSTANT, (), ())


def prune(plan: Plan, has: Callable[[ValueId], bool]) -> tuple[Plan, list[ValueId]]:
    """Returns the plan cut back to available values, and the ids of those that it uses.

    The walk starts at the goals and stops at each available value, so that ``has`` is never called
    for values beyond one; in the plan returned, available values are nodes without inputs.

    has  whether a value is available, in memory or in the store
    """
    found: list[ValueId] = []
    waiting = [goal.value for goal in reversed(plan.goals)]
    seen = set(waiting)
    while waiting:
        id = waiting.pop()
        if has(id):
            found.append(id)
            continue
        for each in plan.nodes[id].inputs:
            if each not in seen:
                seen.add(each)
                waiting.append(each)
    if not found:
        return plan, found
    nodes = {**plan.nodes, **dict.fromkeys(found, _AVAILABLE)}
    return without_dead_nodes(replace(plan, nodes=nodes)), found
