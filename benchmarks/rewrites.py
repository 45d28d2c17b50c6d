"""Effect of each rule of the optimizer: the same program with and without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.measure import Timing, alternate
from benchmarks.ours import Operations
from voxgpu.backends.cpu.backend import Cpu
from voxgpu.optimize import simplify

#: A rule, and an expression that it applies to; rules without one are not timed.
CASES = {
    "drop_redundant_intensity": "percentiles(intensity(v), b, 0.5)",
    "clamped_to_unsigned_distance": "mask(dt(m), dt(m) > 0)",
    "distance_compare_to_dilation": "pdt(m) <= 5",
    "distance_of_complement": "pdt(!m) <= 5",
    "near_then_through_to_touching": "through(near(n), m)",
    "percentile_compare_to_threshold": "percentiles(v, b, 0.5) > 0.9",
    "threshold_counts_to_histogram": " + ".join(f"volume(v > {10 * n})" for n in range(100)),
    "merge_nested_boxes": "near(near(near(m)))",
}


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
    for rule in [each for each in rules if each.__name__ in CASES]:
        expression = CASES[rule.__name__]
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
