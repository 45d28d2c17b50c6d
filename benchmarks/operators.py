"""The timed operations, and their peers.

Every peer's result is compared with ours before anything is timed; a peer with a different result
is reported, and has no time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.machine import available
from benchmarks.measure import Timing, alternate
from benchmarks.ours import Operations
from benchmarks.peers import Arrays, peers_of

#: Inputs of the operations: a volume, masks of it, and a float image.
DEFINITIONS = """
load v = "{flair}"
let m = v > {bright}
let b = v > 0
let n = near(m)
let f = (v * 1.5) + 0.25
"""
INPUTS = ("v", "m", "b", "n", "f")

CHAIN = "(((((((((f * 1.5) + 2) - 1) * 0.5) + f) * 2) - 3) / 4) + 1) * f"


@dataclass(frozen=True)
class Operation:
    """One row.

    name        as displayed
    expression  ours
    reads       the inputs that are read
    goal        the CPU time, in seconds, that it should stay below; None: no goal
    """

    name: str
    expression: str
    reads: tuple[str, ...]
    goal: float | None = None


OPERATIONS = (
    Operation("comparison", "v > 300", ("v",)),
    Operation("and", "m & b", ("m", "b")),
    Operation("not", "!m", ("m",)),
    Operation("chain of 10 voxel operators", CHAIN, ("f",)),
    Operation("volume", "volume(m)", ("m",)),
    Operation("min and max", "max(f) - min(f)", ("f",)),
    Operation("near", "near(b)", ("b",), 0.012),
    Operation("interior", "interior(b)", ("b",), 0.012),
    Operation("near near near", "near(near(near(m)))", ("m",)),
    Operation("dt, signed", "dt(m)", ("m",), 0.35),
    Operation("pdt", "pdt(m)", ("m",)),
    Operation("dt compared with 5 mm", "pdt(m) <= 5", ("m",), 0.045),
    Operation("smoothen 5 mm", "smoothen(5, m)", ("m",)),
    Operation("through", "through(m, n)", ("m", "n"), 0.06),
    Operation("touch", "touch(n, m)", ("m", "n"), 0.06),
    Operation("lcc", "lcc(m)", ("m",)),
    Operation("lcc of the head", "lcc(b)", ("b",)),
    Operation("maxvol", "maxvol(m)", ("m",)),
    Operation("percentiles", "percentiles(v, b, 0.5)", ("v", "b"), 0.06),
    Operation("percentiles, thresholded", "percentiles(v, b, 0.5) > 0.9", ("v", "b"), 0.015),
    Operation("percentiles of floats", "percentiles(f, b, 0.5)", ("f", "b")),
    Operation(
        "crossCorrelation r=3 k=20", "crossCorrelation(3, v, v, m, 0, 1000, 20)", ("v", "m"), 0.35
    ),
    Operation(
        "crossCorrelation r=5 k=100", "crossCorrelation(5, v, v, m, 0, 1000, 100)", ("v", "m"), 0.9
    ),
    Operation("otsu", "otsu(v, b, 100)", ("v", "b")),
    Operation("gradient", "gradient(f)", ("f",)),
)


@dataclass
class Row:
    """The results of an operation: timings by participant, and differing results."""

    operation: str
    timings: dict[str, Timing] = field(default_factory=dict)
    differ: dict[str, str] = field(default_factory=dict)
    read_mb: float = 0.0
    written_mb: float = 0.0
    goal: float | None = None


def time_operations(
    operations: Operations,
    runs: int,
    wanted: Callable[[str], bool],
    reference: Any,
    tell: Callable[[Row], None],
) -> list[Row]:
    """Times all operations whose name is ``wanted``."""
    rows = []
    for operation in OPERATIONS:
        if wanted(operation.name):
            rows.append(_row(operation, operations, runs, reference))
            tell(rows[-1])
    return rows


def _row(operation: Operation, operations: Operations, runs: int, reference: Any) -> Row:
    arrays = operations.arrays
    ours = operations.call(operation.expression)
    expected = ours()
    row = Row(operation.name, goal=operation.goal)
    row.read_mb = sum(arrays[each].nbytes for each in operation.reads) / 1e6
    row.written_mb = getattr(expected, "nbytes", 0) / 1e6
    works: dict[str, Callable[[], Any]] = {"voxgpu": ours}
    slow = operations.call(operation.expression, reference)
    if not _same(slow(), expected):
        raise AssertionError(f"{operation.name}: the CPU says something else than the reference")
    for peer, work, equal in peers_of(operation.name, Arrays(**arrays)):
        if not available(peer.partition(" ")[0]) and peer != "numpy":
            continue
        reason = equal(work(), expected)
        if reason:
            row.differ[peer] = reason
        else:
            works[peer] = work
    works["copy"] = _copy(int((row.read_mb + row.written_mb) * 1e6 / 2))
    row.timings = alternate(works, runs)
    row.timings["reference"] = alternate({"reference": slow}, 1)["reference"]
    return row


def _copy(count: int) -> Callable[[], Any]:
    """Copies as many bytes as the operation reads and writes: half of them, read and written."""
    source, target = np.ones(count, np.uint8), np.ones(count, np.uint8)
    return lambda: np.copyto(target, source)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    return bool(one == other)
