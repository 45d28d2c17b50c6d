"""Pruning and preparing are pure: a plan and available values in, a schedule out."""

from __future__ import annotations

import pytest

from tests.laws.random_plans import random_plan
from voxgpu.backends.reference import ReferenceBackend
from voxgpu.ids import ValueId
from voxgpu.optimize.passes import Available, prepare
from voxgpu.optimize.prune import prune
from voxgpu.optimize.step import StoreRead


class Fusing(ReferenceBackend):
    """A backend for which the passes fuse."""

    fuses = True


@pytest.mark.parametrize("backend", [ReferenceBackend(), Fusing()], ids=["plain", "fusing"])
@pytest.mark.parametrize("seed", range(5))
def test_available_values_are_used_and_not_computed(seed: int, backend: ReferenceBackend) -> None:
    plan, given = random_plan(seed, 40, goals=4)
    inner = [id for id, node in plan.nodes.items() if node.inputs and id not in given]
    in_store = set(inner[::3])
    before = dict(plan.nodes)
    pruned, found = prune(plan, lambda id: id in given or id in in_store)
    available = Available(
        [id for id in found if id in given], tuple(id for id in found if id in in_store)
    )
    planned = prepare(pruned, backend, available)
    made = [id for task in planned.tasks for id in task.outputs]
    read = [t.step.id for t in planned.tasks if isinstance(t.step, StoreRead)]
    assert set(read) <= in_store and read
    assert set(planned.initial) <= given.keys()
    assert not set(made) & given.keys()
    again = prepare(pruned, backend, available)
    assert [task.outputs for task in again.tasks] == [t.outputs for t in planned.tasks]
    assert again.peak_bytes == planned.peak_bytes
    assert plan.nodes == before, "preparing changes no plan"


def test_nothing_is_looked_up_beyond_an_available_value() -> None:
    plan, _ = random_plan(3, 40, goals=1)
    asked: list[ValueId] = []

    def has(id: ValueId) -> bool:
        asked.append(id)
        return id == plan.goals[0].value

    assert prune(plan, has)[1] == [plan.goals[0].value] == asked


def test_a_plan_that_was_not_pruned_is_refused() -> None:
    plan, given = random_plan(3, 40, goals=1)
    with pytest.raises(ValueError, match="prune it first"):
        prepare(plan, Fusing(), Available({*given, plan.goals[0].value}))
