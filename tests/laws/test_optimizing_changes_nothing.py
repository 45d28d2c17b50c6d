"""Plans that are rewritten, fused, scheduled and multi-threaded equal the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.conformance.on_backend import execute, prepared_with, same
from tests.laws.random_plans import random_plan
from voxgpu.backends.base import Backend
from voxgpu.backends.cpu.backend import Cpu
from voxgpu.backends.reference import ReferenceBackend
from voxgpu.codegen.kernel import Kernel
from voxgpu.ids import ValueId
from voxgpu.optimize import passes, simplify
from voxgpu.optimize.fuse import MOST_IMAGES, MOST_OPERATIONS, fuse
from voxgpu.optimize.inline_stencils import inline
from voxgpu.optimize.step import FusedStep
from voxgpu.plan.node import Plan, without_dead_nodes


class Fusing(ReferenceBackend):
    """The reference backend, with the passes' fused steps."""

    fuses = True


def _agree(seed: int, size: int, backends: list[Backend]) -> None:
    plan, given = random_plan(seed, size, goals=6)
    with np.errstate(all="ignore"):
        expected = execute(without_dead_nodes(plan), given, ReferenceBackend())
        for backend in backends:
            found = execute(without_dead_nodes(plan), given, backend)
            assert found.keys() == expected.keys()
            for label, value in expected.items():
                assert same(found[label], value), (seed, label, found[label], value)


@pytest.mark.parametrize("seed", range(120))
def test_rewritten_and_fused_is_unfused(seed: int) -> None:
    _agree(seed, 12 + seed, [Fusing()])


@pytest.fixture(scope="module")
def processors() -> Any:
    backends = [Cpu(1), Cpu(4)]
    yield backends
    for each in backends:
        each.close()


@pytest.mark.parametrize("seed", range(200, 260))
def test_compiled_kernels_and_threads_are_the_reference(seed: int, processors: list[Cpu]) -> None:
    _agree(seed, 12 + seed - 200, processors)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1150))
def test_large_plans_too(seed: int, processors: list[Cpu]) -> None:
    _agree(seed, 40 + seed % 90, [Fusing(), *processors])


@pytest.mark.parametrize("seed", range(40))
def test_every_rule_alone_changes_nothing(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, given = random_plan(seed, 60, goals=8)
    plan = without_dead_nodes(plan)
    with np.errstate(all="ignore"):
        expected = execute(plan, given, ReferenceBackend())
        for rule in simplify.RULES:
            monkeypatch.setattr(simplify, "RULES", (rule,))
            found = execute(plan, given, Fusing())
            for label, value in expected.items():
                assert same(found[label], value), (seed, rule.__name__, label)


@pytest.mark.parametrize("seed", range(60))
def test_what_is_there_already_is_not_made_again(seed: int) -> None:
    """Any values of a first run may be given to the second one."""
    plan, given = random_plan(seed, 50, goals=6)
    plan = without_dead_nodes(plan)
    made = _all_values(plan, given)
    some = {id: value for n, (id, value) in enumerate(made.items()) if n % 3 == seed % 3}
    known = {**given, **some}
    with np.errstate(all="ignore"):
        expected = execute(plan, given, ReferenceBackend())
        found = execute(plan, known, Fusing())
    for label, value in expected.items():
        assert same(found[label], value), (seed, label)
    computed = {id for task in prepared_with(plan, known, Fusing()).tasks for id in task.outputs}
    assert not computed & known.keys()


def _all_values(plan: Plan, given: dict[ValueId, Any]) -> dict[ValueId, Any]:
    """The values of all nodes that have one."""
    from dataclasses import replace

    from tests.conformance.on_backend import NOWHERE
    from voxgpu.plan.node import Goal

    goals = tuple(Goal("find", id, id, NOWHERE, NOWHERE) for id in plan.nodes)
    with np.errstate(all="ignore"):
        found = execute(replace(plan, goals=goals), given, ReferenceBackend())
    return {ValueId(id): each for id, each in found.items() if not isinstance(each, Exception)}


@pytest.mark.parametrize("seed", range(40))
def test_what_no_goal_needs_is_no_step_without_results(seed: int) -> None:
    """Plans of parts of a program have nodes that the part does not need."""
    plan, given = random_plan(seed, 60, goals=1)
    steps = inline(plan, fuse(plan, given), given)
    assert all(step.outputs for step in steps)
    with np.errstate(all="ignore"):
        expected = execute(plan, given, ReferenceBackend())
        found = execute(plan, given, Fusing())
    assert all(same(found[label], value) for label, value in expected.items())


@pytest.mark.parametrize("seed", range(0, 300, 3))
def test_kernels_keep_to_their_limits_and_depend_on_each_other_in_no_circle(seed: int) -> None:
    plan, given = random_plan(seed, 30 + seed, goals=12)
    simplified = simplify.simplify(without_dead_nodes(plan), given)
    fused = fuse(simplified, given)
    steps = inline(simplified, fused, given)
    # A primitive whose body alone exceeds the limit has a kernel of its own.
    bodies = [node.primitive.body for node in simplified.nodes.values()]
    alone = [Kernel((), (), (body,)).operations for body in bodies if body is not None]
    there = set(given)
    waiting = list(steps)
    while waiting:
        ready = [step for step in waiting if all(each in there for each in step.inputs)]
        assert ready, "steps wait for each other"
        there |= {id for step in ready for id in step.outputs}
        waiting = [step for step in waiting if step not in ready]
    for step in fused:
        if isinstance(step, FusedStep):
            assert len(step.images) <= MOST_IMAGES
            assert step.kernel.operations <= max(MOST_OPERATIONS, *alone)
    wanted = {goal.value for goal in plan.goals}
    assert wanted <= there
    made = [id for step in steps for id in step.outputs]
    assert len(made) == len(set(made)), "a value is made twice"


def test_bodies_are_inlined_into_neighborhoods_somewhere() -> None:
    """The laws above would not test inlining if it never happened."""
    inlined = 0
    for seed in range(200, 260):
        plan, given = random_plan(seed, 12 + seed - 200, goals=6)
        steps = [
            task.step for task in prepared_with(without_dead_nodes(plan), given, Fusing()).tasks
        ]
        inlined += sum(
            isinstance(each, FusedStep) and each.kernel.is_neighborhood for each in steps
        )
    assert inlined >= 5


def test_the_passes_are_looked_at() -> None:
    """The laws above run the passes that a normal run uses."""
    assert passes.simplify is simplify.simplify and passes.fuse is fuse
