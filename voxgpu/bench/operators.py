"""The timed operations, and their peers.

Every peer's result is compared with ours before anything is timed; a peer with a different result
is reported, and has no time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from voxgpu.backends.base import Backend
from voxgpu.bench import peers
from voxgpu.bench.expressions import Operations
from voxgpu.bench.measure import Timing, alternate
from voxgpu.bench.peers import Peer, Peers, available, library_of
from voxgpu.frozen import frozen

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


@frozen
class Operation:
    """One row.

    name        as displayed
    expression  ours
    operands    what the peers are given: names of inputs, and numbers
    peers       its equivalents in other libraries; None: there are none
    goal        the CPU time, in seconds, that it should stay below; None: no goal
    """

    name: str
    expression: str
    operands: tuple[str | float, ...]
    peers: Peers | None = None
    goal: float | None = None

    @property
    def reads(self) -> tuple[str, ...]:
        """The inputs that are read."""
        return tuple(dict.fromkeys(each for each in self.operands if isinstance(each, str)))


def _single(
    name: str, expression: str, *operands: str | float, goal: float | None = None, of: str = ""
) -> Operation:
    """The row of one primitive, called ``of`` in the language."""
    return Operation(name, expression, operands, peers.PRIMITIVES[of or name], goal)


OPERATIONS = (
    _single("comparison", "v > 300", "v", 300, of=">"),
    _single("and", "m & b", "m", "b"),
    _single("not", "!m", "m"),
    Operation("chain of 10 voxel operators", CHAIN, ("f",), peers.chain_of_operators),
    _single("volume", "volume(m)", "m"),
    Operation("min and max", "max(f) - min(f)", ("f",), peers.range_of_values),
    _single("near", "near(b)", "b", goal=0.012),
    _single("interior", "interior(b)", "b", goal=0.012),
    Operation("near near near", "near(near(near(m)))", ("m",), peers.near(3)),
    _single("dt, signed", "dt(m)", "m", goal=0.35, of="dt"),
    _single("pdt", "pdt(m)", "m"),
    Operation(
        "dt compared with 5 mm", "pdt(m) <= 5", ("m",), peers.distance_at_most_5, goal=0.045
    ),
    Operation("smoothen 5 mm", "smoothen(5, m)", ("m",), peers.smoothen_5),
    _single("through", "through(m, n)", "m", "n", goal=0.06),
    Operation("touch", "touch(n, m)", ("n", "m"), peers.touch, goal=0.06),
    _single("lcc", "lcc(m)", "m"),
    _single("lcc of the head", "lcc(b)", "b", of="lcc"),
    _single("maxvol", "maxvol(m)", "m"),
    _single("percentiles", "percentiles(v, b, 0.5)", "v", "b", 0.5, goal=0.06),
    Operation(
        "percentiles, thresholded", "percentiles(v, b, 0.5) > 0.9", ("v", "b"),
        peers.ranks_above(0.9), goal=0.015,
    ),
    _single(
        "percentiles of floats", "percentiles(f, b, 0.5)", "f", "b", 0.5, of="percentiles"
    ),
    Operation(
        "crossCorrelation r=3 k=20", "crossCorrelation(3, v, v, m, 0, 1000, 20)", ("v", "m"),
        goal=0.35,
    ),
    Operation(
        "crossCorrelation r=5 k=100", "crossCorrelation(5, v, v, m, 0, 1000, 100)", ("v", "m"),
        goal=0.9,
    ),
    _single("otsu", "otsu(v, b, 100)", "v", "b", 100),
    _single("gradient", "gradient(f)", "f"),
)  # fmt: skip


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
    reference: Backend,
    tell: Callable[[Row], None],
    against: Collection[str] | None = None,
) -> list[Row]:
    """Times all operations whose name is ``wanted``; tells each row.

    against  the libraries beside which they are timed, by import name; None: all that are installed
    """
    rows = []
    for operation in OPERATIONS:
        if wanted(operation.name):
            rows.append(_row(operation, operations, runs, reference, against))
            tell(rows[-1])
    return rows


def _row(
    operation: Operation,
    operations: Operations,
    runs: int,
    reference: Backend,
    against: Collection[str] | None,
) -> Row:
    arrays = operations.arrays
    row = Row(operation.name, goal=operation.goal)
    ours = operations.call(operation.expression)
    slow = operations.call(operation.expression, reference)
    row.read_mb = sum(arrays[each].nbytes for each in operation.reads) / 1e6
    operands = [arrays[each] if isinstance(each, str) else each for each in operation.operands]
    others = operation.peers(operations.spacing, *operands) if operation.peers else ()
    wanted = (each for each in others if against is None or library_of(each[0]) in against)
    time_row(row, ours, slow, wanted, runs)
    return row


def time_row(
    row: Row,
    ours: Callable[[], Any],
    reference: Callable[[], Any],
    others: Iterable[Peer],
    runs: int,
) -> None:
    """Times an operation, its reference and those peers that are installed and have its result.

    Raises AssertionError if the reference has another result.
    """
    expected = ours()
    row.written_mb = getattr(expected, "nbytes", 0) / 1e6
    works: dict[str, Callable[[], Any]] = {"voxgpu": ours}
    if not _same(reference(), expected):
        raise AssertionError(f"{row.operation}: the CPU says something else than the reference")
    for peer, work, equal in others:
        if not available(library_of(peer)):
            continue
        reason = equal(work(), expected)
        if reason:
            row.differ[peer] = reason
        else:
            works[peer] = work
    works["copy"] = _copy(int((row.read_mb + row.written_mb) * 1e6 / 2))
    row.timings = alternate(works, runs)
    row.timings["reference"] = alternate({"reference": reference}, 1)["reference"]


def _copy(count: int) -> Callable[[], Any]:
    """Copies as many bytes as the operation reads and writes: half of them, read and written."""
    source, target = np.ones(count, np.uint8), np.ones(count, np.uint8)
    return lambda: np.copyto(target, source)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    return bool(one == other)


def peers_with_time(row: Row) -> list[str]:
    """The peers of a row that have a time."""
    return [name for name in row.timings if name not in ("voxgpu", "copy", "reference")]


def best_peer(row: Row) -> str:
    """The fastest of the peers; empty if there is none."""
    return min(peers_with_time(row), key=lambda name: row.timings[name].wall, default="")
