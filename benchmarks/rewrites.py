"""Effect of each rule of the optimizer: the same program with and without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.laws.firing_plans import EXPRESSIONS
from voxgpu.backends.cpu.backend import Cpu
from voxgpu.bench.expressions import Operations
from voxgpu.bench.measure import Timing, alternate
from voxgpu.optimize import simplify


@dataclass(frozen=True)
class Rewrite:
    """A rule with both timings."""

    rule: str
    expression: str
    without: Timing
    with_it: Timing


class Unfused(Cpu):
    """The CPU backend without fusion."""

    fuses = False


def time_rewrites(operations: Operations, runs: int) -> list[Rewrite]:
    """Times every rule, and fusion."""
    rules = simplify.RULES
    rows = []
    for rule in rules:
        expression = EXPRESSIONS[rule.__name__]
        with_it = operations.call(expression)
        simplify.RULES = tuple(each for each in rules if each is not rule)
        try:
            without = operations.call(expression)
        finally:
            simplify.RULES = rules
        rows.append(_compared(rule.__name__, expression, without, with_it, runs))
    backend = Unfused()
    expression = "volume((((v * 2) - f) > 100) & (f < 1000))"
    unfused = operations.call(expression, backend)
    rows.append(_compared("fusing", expression, unfused, operations.call(expression), runs))
    backend.close()
    return rows


def _compared(
    rule: str,
    expression: str,
    without: Callable[[], Any],
    with_it: Callable[[], Any],
    runs: int,
) -> Rewrite:
    assert np.array_equal(without(), with_it()), rule
    found = alternate({"without": without, "with": with_it}, runs)
    return Rewrite(rule, expression, found["without"], found["with"])
