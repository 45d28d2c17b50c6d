"""Each rewrite rule changes nothing in plans to which it is known to apply."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conformance.on_backend import execute, same
from tests.laws.firing_plans import EXPRESSIONS, PATTERNS, firing_plan
from tests.laws.test_optimizing_changes_nothing import Fusing
from voxgpu.backends.cpu.backend import Cpu
from voxgpu.backends.reference import ReferenceBackend
from voxgpu.ids import ValueId
from voxgpu.optimize import simplify
from voxgpu.plan.node import Node, without_dead_nodes

#: Plans for each rule.
SEEDS = range(25)


def test_every_rule_has_plans_to_which_it_applies() -> None:
    names = {rule.__name__ for rule in simplify.RULES}
    assert names == set(PATTERNS) == set(EXPRESSIONS)


@pytest.mark.slow
@pytest.mark.parametrize("name", PATTERNS)
def test_a_rule_that_applies_changes_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [rule.__name__ for rule in simplify.RULES]
    before = simplify.RULES[: names.index(name)]
    rule = simplify.RULES[names.index(name)]
    changes: list[int] = []

    def counted(view: simplify._View) -> dict[ValueId, Node]:
        changed = rule(view)
        changes.append(len(changed))
        return changed

    backend = Cpu(1)
    for seed in SEEDS:
        plan, given = firing_plan(name, seed)
        plan = without_dead_nodes(plan)
        monkeypatch.setattr(simplify, "RULES", ())
        with np.errstate(all="ignore"):
            expected = execute(plan, given, ReferenceBackend())
            monkeypatch.setattr(simplify, "RULES", (*before, counted))
            for candidate in (Fusing(), backend):
                changes.clear()
                found = execute(plan, given, candidate)
                assert sum(changes) >= 1, (name, seed, "the rule did not apply")
                for label, value in expected.items():
                    assert same(found[label], value), (name, seed, label)
    backend.close()
