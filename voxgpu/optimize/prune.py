"""What of a plan is left to do? What goals need and nobody has."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from voxgpu.ids import ValueId
from voxgpu.plan.node import Node, Plan, without_dead_nodes
from voxgpu.primitives.source import CONSTANT

#: Stands for a value that is there: it needs nothing.
_THERE = Node(CONSTANT, (), ())


def available_values(plan: Plan, has: Callable[[ValueId], bool]) -> list[ValueId]:
    """What goals need and somebody has, from the goals back: beyond it nothing is looked up."""
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
    """The plan back to the values that are there already, which stay as nodes without inputs."""
    if not given:
        return plan
    there = {id: _THERE for id in plan.nodes if id in given}
    return without_dead_nodes(replace(plan, nodes={**plan.nodes, **there})) if there else plan
