"""Pruning of plans: removes what is already available or not needed by any goal."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from voxgpu.ids import ValueId
from voxgpu.plan.node import Node, Plan, without_dead_nodes
from voxgpu.primitives.source import CONSTANT

#: Stands for an available value, which needs no inputs.
_THERE = Node(CONSTANT, (), ())


def available_values(plan: Plan, has: Callable[[ValueId], bool]) -> list[ValueId]:
    """Returns the available values, searching backwards from the goals.

    The search stops at each available value; its inputs are not looked up.
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
    return found


def prune(plan: Plan, given: Collection[ValueId]) -> Plan:
    """Returns the plan cut off at the available values, which become nodes without inputs."""
    if not given:
        return plan
    there = {id: _THERE for id in plan.nodes if id in given}
    return without_dead_nodes(replace(plan, nodes={**plan.nodes, **there})) if there else plan
