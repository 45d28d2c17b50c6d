"""Pruning of plans: removes what is already available or not needed by any goal."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from voxgpu.ids import ValueId
from voxgpu.plan.node import Node, Plan, without_dead_nodes
from voxgpu.primitives.source import CONSTANT

#: Stands for an available value, which needs no inputs.
_AVAILABLE = Node(CONSTANT, (), ())


def available_values(plan: Plan, is_available: Callable[[ValueId], bool]) -> list[ValueId]:
    """Returns the available values, searching backwards from the goals.

    The search stops at each available value; its inputs are not looked up.
    """
    result: list[ValueId] = []
    waiting = [goal.value for goal in reversed(plan.goals)]
    seen = set(waiting)
    while waiting:
        id = waiting.pop()
        if is_available(id):
            result.append(id)
            continue
        for each in plan.nodes[id].inputs:
            if each not in seen:
                seen.add(each)
                waiting.append(each)
    return result


def prune(plan: Plan, available: Collection[ValueId]) -> Plan:
    """Returns the plan cut off at the available values, which become nodes without inputs."""
    if not available:
        return plan
    leaves = {id: _AVAILABLE for id in plan.nodes if id in available}
    return without_dead_nodes(replace(plan, nodes={**plan.nodes, **leaves})) if leaves else plan
