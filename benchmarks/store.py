"""Cost and benefit of storing results."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.programs import PARAMETERS
from voxgpu.bench.measure import Timing, alternate, middle, process
from voxgpu.compile import Options, compile_program
from voxgpu.diagnostics import Source
from voxgpu.ids import ValueId
from voxgpu.image import Grid, Image
from voxgpu.optimize.prune import prune
from voxgpu.store.disk import DiskStore

Shape = tuple[int, int, int]
SHAPES: tuple[Shape, ...] = ((64, 64, 64), (155, 240, 240))

GENEROUS = 10**11


@dataclass(frozen=True)
class ValueTiming:
    """A value that was put and got: bytes in memory and on disk, seconds of wall time."""

    kind: str
    bytes: int
    size: int
    put: Timing
    get: Timing


def time_values(folder: Path, runs: int, shapes: Sequence[Shape] = SHAPES) -> list[ValueTiming]:
    """Times put and get for each kind of value, with images of these shapes."""
    store = DiskStore(folder / "values", GENEROUS)
    rows = []
    for kind, value in _values(shapes):
        ids = iter(range(10**6))
        done: list[ValueId] = []

        def put(value: Any = value, kind: str = kind, ids: Any = ids, done: Any = done) -> None:
            id = _id(kind, next(ids))
            assert store.put(id, value)
            done.append(id)

        timing = alternate({"put": put}, runs)["put"]
        got = alternate({"get": lambda done=done: store.get(done[-1])}, runs)["get"]
        row = store.index.row(done[-1])
        assert row is not None
        rows.append(ValueTiming(kind, row.bytes, row.size, timing, got))
    store.close()
    return rows


def _values(shapes: Sequence[Shape]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = [
        ("number", 1.5),
        ("string of 40", "x" * 40),
        ("sequence of 100", tuple(map(float, range(100)))),
    ]
    for shape in shapes:
        name, grid = "×".join(map(str, reversed(shape))), Grid.regular(shape)
        z, y, x = np.ogrid[tuple(slice(0, size) for size in shape)]
        ball = (z - shape[0] / 2) ** 2 + (y - shape[1] / 2) ** 2 + (x - shape[2] / 2) ** 2
        inside = ball < (min(shape) / 3) ** 2
        noise = np.random.default_rng(0).random(shape, np.float32)
        scan = (inside * (300 + 100 * noise)).astype(np.int16)
        for kind, array in (
            ("mask", inside),
            ("scan, int16", scan),
            ("labels, int32", inside.astype(np.int32)),
            ("ranks, float32", (inside * noise).astype(np.float32)),
            ("noise, float32", noise),
        ):
            found.append((f"{kind}, {name}", Image(array, grid)))
    return found


def _id(kind: str, number: int) -> ValueId:
    return ValueId(sha256(f"{kind} {number}".encode()).hexdigest())


def time_lookups(folder: Path, nodes: int = 100_000) -> dict[str, float]:
    """Seconds to look up a plan among as many objects, with no value known, then all."""
    lines = ["let a0 = 1 + 1", *(f"let a{n} = a{n - 1} + {n}" for n in range(1, nodes // 2))]
    text = "\n".join([*lines, f'print "a" a{nodes // 2 - 1}'])
    plan = compile_program(Source("chain", text), None, Options()).plan
    store = DiskStore(folder / "lookups", GENEROUS)
    store.put(_id("other", 0), 1.0)
    rows = store.index.row(_id("other", 0))
    assert rows is not None
    store.index.add(replace(rows, id=_id("other", n)) for n in range(1, nodes))
    start = time.perf_counter()
    assert not prune(plan, store.has)[1]
    none = time.perf_counter() - start
    ids = list(plan.nodes)
    start = time.perf_counter()
    for id in ids:
        store.has(id)
    each = (time.perf_counter() - start) / len(ids)
    store.index.add(replace(rows, id=goal.value) for goal in plan.goals)
    start = time.perf_counter()
    assert len(prune(plan, store.has)[1]) == 1
    all_known = time.perf_counter() - start
    store.close()
    return {
        "nodes": len(ids),
        "values": nodes,
        "a look-up": each,
        "nothing known": none,
        "all known": all_known,
    }


def time_runs(
    case: Path, folder: Path, text: str, runs: int, warm_up: bool = True
) -> dict[str, Timing]:
    """The tumor program as a process: without a store, filling one, and with a filled one."""
    program, store, output = folder / "kept.imgql", folder / "kept", folder / "kept-out"
    program.write_text(text)
    defined = [f"-D{name}={value}" for name, value in {"CASE": str(case), **PARAMETERS}.items()]
    command = [sys.executable, "-m", "voxgpu", "run", str(program), "-q", "-o", str(output)]
    command += [*defined, "--store"]
    found: dict[str, list[Timing]] = {}

    def run(name: str, where: str) -> None:
        found.setdefault(name, []).append(process([*command, where]))

    for _ in range(runs + warm_up):
        shutil.rmtree(output, ignore_errors=True)
        run("without a store", "none")
        shutil.rmtree(output, ignore_errors=True)
        shutil.rmtree(store, ignore_errors=True)
        run("filling a store", str(store))
        run("known, files there", str(store))
        shutil.rmtree(output, ignore_errors=True)
        run("known, files gone", str(store))
    return {name: middle(rows[warm_up:]) for name, rows in found.items()}


def sweep_budget(folder: Path, gigabytes: float, budget: int) -> dict[str, float]:
    """Writes data through a store with a budget: the maximum size of its files, and the time."""
    store = DiskStore(folder / "swept", budget)
    noise = np.random.default_rng(0).random((155, 240, 240), np.float32)
    written, most, number, start = 0, 0, 0, time.perf_counter()
    while written < gigabytes * 1e9:
        noise.flat[number] = number
        store.put(_id("swept", number), Image(noise, Grid.regular(noise.shape)), seconds=1.0)
        row = store.index.row(_id("swept", number))
        assert row is not None
        written, number = written + row.size, number + 1
        paths = (store.folder / "objects").rglob("*")
        most = max(most, sum(path.stat().st_blocks * 512 for path in paths if path.is_file()))
    store.close()
    return {"written": written, "most": most, "budget": budget, "s": time.perf_counter() - start}
