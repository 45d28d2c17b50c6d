"""The measurements, section by section; each returns plain data."""

from __future__ import annotations

import ast
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.strategies.ask import GivenUp, ask, ask_growing, middle
from benchmarks.strategies.catalogue import STRATEGIES
from benchmarks.strategies.work import Work

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Extent:
    """How much is measured.

    lengths   nodes of the programs without work
    patience  seconds that one size of a chain may take; a quarter of it for other shapes
    repeats   runs of each, interleaved; medians are kept
    names     of the strategies
    """

    lengths: tuple[int, ...] = (100, 1_000, 10_000, 100_000)
    patience: float = 20.0
    repeats: int = 2
    names: tuple[str, ...] = tuple(STRATEGIES)


MINIATURE = Extent((20, 50), 20.0, 1, ("engine, serial", "streaming", "micro-sessions of 8"))

Tell = Callable[[str], None]


def coordination(work: Work, extent: Extent, tell: Tell) -> Any:
    """Time per task of programs without work, by length; and of the sweep on tiny images."""
    found: dict[str, Any] = {}
    for shape in ("chain", "wide", "diamonds"):
        patience = extent.patience if shape == "chain" else extent.patience / 4
        rows = {}
        for name in extent.names:
            paths = [(size, work.numbers(shape, size)) for size in extent.lengths]
            request = {"strategy": name, "schedules": paths, "repeats": extent.repeats}
            answers, stopped = ask_growing(request, work.folder / "run", patience)
            points = [
                [each["tasks"], *map(median, zip(*each["rows"], strict=True))] for each in answers
            ]
            rows[name] = {"points": points, "stopped": stopped}
            tell(f"{shape}, {name}: {len(points)} sizes {stopped}")
        found[shape] = rows
    found["sweep"] = _interleaved(
        {
            f"{name} {'fused' if fused else 'single'}": {
                "strategy": name,
                "schedule": work.sweep(fused, tiny=True),
            }
            for name in extent.names
            for fused in (True, False)
        },
        work,
        1,
        tell,
    )
    return found


def programs(work: Work, extent: Extent, tell: Tell) -> Any:
    """The tumor program and the sweep on real images; the tumor program with fusion and without."""
    tumor = {name: {"strategy": name, "schedule": work.tumor()} for name in extent.names}
    single = {name: {"strategy": name, "schedule": work.tumor(False)} for name in extent.names}
    sweep = {name: {"strategy": name, "schedule": work.sweep()} for name in extent.names}
    in_processes = [name for name in extent.names if not STRATEGIES[name].on_workers]
    apart = {name: {"strategy": name, "schedule": work.sweep(False)} for name in in_processes}
    return {
        "tumor": _interleaved(tumor, work, extent.repeats, tell),
        "tumor, not fused": _interleaved(single, work, 1, tell),
        "sweep": _interleaved(sweep, work, max(1, extent.repeats - 1), tell),
        "sweep, not fused": _interleaved(apart, work, 1, tell),
    }


def _interleaved(
    requests: dict[str, dict[str, Any]], work: Work, repeats: int, tell: Tell
) -> dict[str, Any]:
    """Medians of the answers to each request, asked in turn; why, for those given up."""
    answers: dict[str, list[dict[str, Any]]] = {name: [] for name in requests}
    failures: dict[str, str] = {}
    for number in range(repeats):
        for name, request in requests.items():
            if name in failures and not answers[name]:
                continue
            try:
                answers[name].append(ask(request, work.folder / "run"))
            except GivenUp as why:
                failures[name] = str(why)
            tell(f"run {number + 1} of {repeats}: {Path(request['schedule']).stem}, {name}")
    found: dict[str, Any] = {name: middle(rows) for name, rows in answers.items() if rows}
    lost = {name: {"given up": why} for name, why in failures.items() if name not in found}
    return {**found, **lost}


def sharing(work: Work, extent: Extent, tell: Tell) -> Any:
    """Nodes that are computed twice when two programs share most of their plans."""
    one, two = work.grown("0.93"), work.grown("0.95")
    names = [name for name in extent.names if not STRATEGIES[name].on_workers]
    found: dict[str, Any] = {}
    for name in names:
        folder = work.folder / "shared"
        request = {"strategy": name, "output": False, "nodes": True, "once": True, "keep": True}
        try:
            answers = [ask({**request, "schedule": each}, folder) for each in (one, two)]
        except GivenUp as why:
            tell(f"sharing, {name}: {why}")
            continue
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        times = Counter(id for each in answers for id in each["nodes"])
        found[name] = {
            "computed": sum(times.values()),
            "twice": sum(count - 1 for count in times.values()),
        }
        tell(f"sharing, {name}")
    both = ask(
        {"strategy": "engine, threads", "schedule": work.both(), "nodes": True, "once": True,
         "output": False},
        work.folder / "shared",
    )  # fmt: skip
    found["engine, both programs as one plan"] = {"computed": len(both["nodes"]), "twice": 0}
    found["engine, with voxgpu's store"] = with_store(work)
    return found


def with_store(work: Work) -> dict[str, int]:
    """The same two programs in two sessions of voxgpu that share a store."""
    from voxgpu.execution.events import Started
    from voxgpu.session import open_session
    from voxgpu.session_settings import SessionListeners, SessionSettings
    from voxgpu.store.open import StoreOptions

    times: Counter[str] = Counter()

    def observe(event: Any) -> None:
        if isinstance(event, Started):
            times.update(id for id, _ in event.task.nodes)

    folder = work.folder / "store of voxgpu"
    for high in ("0.93", "0.95"):
        settings = SessionSettings(store=StoreOptions(folder=folder))
        with open_session(settings, SessionListeners(observe=observe)) as session:
            session.execute(work.program(high))
    shutil.rmtree(folder, ignore_errors=True)
    return {
        "computed": sum(times.values()),
        "twice": sum(count - 1 for count in times.values()),
    }


#: The files of voxgpu that do what a prototype does, and more.
_ENGINE = ("engine.py", "workspace.py", "executor.py", "executors/serial.py",
           "executors/threads.py", "run_io.py", "partial_sequences.py", "early_saves.py",
           "spill.py")  # fmt: skip


def lines(work: Work, extent: Extent, tell: Tell) -> Any:
    """Lines of code, without docstrings, comments and blank lines."""
    folder = ROOT / "benchmarks" / "strategies"
    found = {name: code_lines([folder / STRATEGIES[name].file]) for name in extent.names}
    whole = [ROOT / "voxgpu" / "execution" / each for each in _ENGINE]
    return {"prototypes": found, "engine": code_lines(whole)}


def code_lines(paths: Sequence[Path]) -> int:
    """The number of lines of code in files of Python."""
    count = 0
    for path in paths:
        text = path.read_text("utf-8")
        places: set[int] = set()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
                first = node.body[0] if node.body else None
                if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                    places.update(range(first.lineno, (first.end_lineno or 0) + 1))
        for number, line in enumerate(text.splitlines(), 1):
            written = line.strip()
            count += bool(written) and not written.startswith("#") and number not in places
    return count
