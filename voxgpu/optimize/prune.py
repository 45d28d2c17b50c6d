"""What of a plan is left to do? What goals need and nobody has."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from voxgpu.ids import ValueId
from voxgpu.plan.node import Node, Plan, needed
from voxgpu.primitives.source import CONSTANT

#: Stands for a value that is there: it needs nothing.
_THERE = Node(CONSTANT, (), ())


def prune(plan: Plan, given: Collection[ValueId]) -> Plan:
    """The plan back to the values that are there already, which stay as nodes without inputs."""
    if not given:
        return plan
    there = {id: _THERE for id in plan.nodes if id in given}
    return needed(replace(plan, nodes={**plan.nodes, **there})) if there else plan
