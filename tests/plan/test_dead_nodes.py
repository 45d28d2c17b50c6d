"""Nodes that no goal needs are left out, with all that only they need."""

from __future__ import annotations

from tests.conformance.on_backend import NOWHERE
from voxgpu.ids import ValueId
from voxgpu.plan.node import Goal, Node, Plan, without_dead_nodes
from voxgpu.primitives.source import CONSTANT
from voxgpu.types import NUMBER


def test_chains_of_dead_nodes_are_left_out() -> None:
    ids = {name: ValueId(name) for name in ("kept", "goal", "first", "second", "third")}
    inputs = {"goal": ["kept"], "second": ["first", "kept"], "third": ["second"]}
    nodes = {
        id: Node(CONSTANT, tuple(ids[each] for each in inputs.get(name, [])), (name,))
        for name, id in ids.items()
    }
    goal = Goal("find", ids["goal"], "goal", NOWHERE, NOWHERE)
    plan = Plan(nodes, dict.fromkeys(nodes, NUMBER), (goal,))
    left = without_dead_nodes(plan)
    assert list(left.nodes) == list(left.types) == ["kept", "goal"]
