"""The benchmark report: one page in Markdown, and the same data as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.cohorts import CohortRow
from benchmarks.programs import ProgramRow
from benchmarks.rewrites import Rewrite
from benchmarks.scaling import Curve
from benchmarks.store import ValueTiming
from voxgpu.bench.measure import Timing
from voxgpu.bench.operators import Row
from voxgpu.bench.tables import both, operators_table


class Report:
    """Sections, in the order they were added."""

    def __init__(self, machine: dict[str, Any]) -> None:
        self._lines = ["# Benchmarks", "", *_machine(machine)]
        self._data: dict[str, Any] = {"machine": machine}

    @property
    def text(self) -> str:
        """The page."""
        return "\n".join(self._lines) + "\n"

    def write(self, folder: Path) -> None:
        """Writes ``benchmarks.md`` and ``benchmarks.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "benchmarks.md").write_text(self.text)
        (folder / "benchmarks.json").write_text(json.dumps(self._data, indent=1))

    def add_programs(self, rows: Iterable[ProgramRow]) -> None:
        """Adds times of whole processes."""
        found = list(rows)
        self._section("Programs: whole processes, median")
        self._table("work", "wall s", "CPU s", "peak MB", "goal", "peers (wall s)")
        for row in found:
            ours = row.timings.get("voxgpu")
            peers = ", ".join(f"{n} {t.wall:.2f}" for n, t in row.timings.items() if n != "voxgpu")
            goal = f"{row.program.goal:g} s {row.program.of}" if row.program.goal else ""
            if ours is None:
                self._row(row.program.name, "", "", "", goal, peers)
                continue
            self._row(
                row.program.name, f"{ours.wall:.2f}", f"{ours.cpu:.2f}", f"{ours.peak / 1e6:.0f}",
                goal, peers,
            )  # fmt: skip
        self._data["programs"] = [
            {"name": r.program.name, "timings": {n: asdict(t) for n, t in r.timings.items()}}
            for r in found
        ]

    def add_cohorts(self, rows: Iterable[CohortRow]) -> None:
        """Adds times of cohorts, as whole processes, beside what they are compared with."""
        found = list(rows)
        self._section("Cohorts: whole processes, median")
        self._table("work", "wall s", "CPU s", "against", "wall ratio", "CPU ratio", "wanted")
        for row in found:
            ours, theirs = row.ours, row.theirs
            self._row(
                row.name, f"{ours.wall:.2f}", f"{ours.cpu:.2f}", row.against,
                f"{ours.wall / theirs.wall:.2f}", f"{ours.cpu / theirs.cpu:.2f}", row.wanted,
            )  # fmt: skip
        self._data["cohorts"] = [asdict(row) for row in found]

    def add_operators(self, rows: Iterable[Row]) -> None:
        """Adds times of operations on one volume, without file access."""
        found = list(rows)
        table = operators_table(found)
        self._section(table.title)
        self._table(*table.head)
        for row in table.rows:
            self._row(*row)
        self._data["operators"] = [asdict(each) for each in found]

    def add_rewrites(self, rows: Iterable[Rewrite]) -> None:
        """Adds the effect of the optimizer's rules."""
        found = list(rows)
        self._section("Rules of the optimizer: ms wall / ms CPU")
        self._table("rule", "expression", "without", "with", "times faster (CPU)")
        for row in found:
            text = row.expression if len(row.expression) < 60 else row.expression[:57] + "…"
            faster = row.without.cpu / max(row.with_it.cpu, 1e-9)
            self._row(row.rule, f"`{text}`", both(row.without), both(row.with_it), f"{faster:.1f}")
        self._data["rewrites"] = [asdict(row) for row in found]

    def add_curves(self, title: str, unit: str, scale: float, curves: Iterable[Curve]) -> None:
        """Adds curves of time over a size."""
        found = list(curves)
        self._section(f"{title}: {unit}")
        places = [place for place, _ in found[0].points]
        self._table(found[0].over, *(f"{place:,.0f}" for place in places))
        for curve in found:
            self._row(curve.name, *(f"{seconds * scale:.2f}" for _, seconds in curve.points))
        self._data[title] = [asdict(curve) for curve in found]

    def add_values(self, rows: Iterable[ValueTiming]) -> None:
        """Adds the cost of storing values."""
        found = list(rows)
        self._section("Store: putting and getting, median of ms wall / ms CPU")
        self._table("value", "MB", "MB on disk", "put", "get")
        for row in found:
            self._row(
                row.kind,
                f"{row.bytes / 1e6:.2f}",
                f"{row.size / 1e6:.3f}",
                *(f"{t.wall * 1e3:.2f} / {t.cpu * 1e3:.2f}" for t in (row.put, row.get)),
            )
        self._data["store values"] = [asdict(row) for row in found]

    def add_lookups(self, found: dict[str, float]) -> None:
        """Adds the cost of looking up values."""
        self._section(f"Store: {found['nodes']:,.0f} nodes against {found['values']:,.0f} values")
        self._table("", "time")
        self._row("a look-up", f"{found['a look-up'] * 1e6:.1f} µs")
        self._row("pruning, nothing known", f"{found['nothing known']:.2f} s")
        self._row("pruning, the goal known", f"{found['all known'] * 1e6:.0f} µs")
        self._data["store look-ups"] = found

    def add_kept_runs(self, found: dict[str, Timing]) -> None:
        """Adds whole processes with and without a store."""
        self._section("Store: the tumor program as a process, 7 files saved, median")
        self._table("run", "wall s", "CPU s", "of no store")
        none = found["without a store"]
        for name, timing in found.items():
            share = f"{timing.wall / none.wall:.2f}"
            self._row(name, f"{timing.wall:.2f}", f"{timing.cpu:.2f}", share)
        self._data["store runs"] = {name: asdict(timing) for name, timing in found.items()}

    def add_sweep(self, found: dict[str, float]) -> None:
        """Adds how well a budget is kept."""
        self._section("Store: a budget")
        self._table("GB written", "budget GB", "most on disk GB", "of the budget", "s")
        most, budget = found["most"], found["budget"]
        self._row(
            f"{found['written'] / 1e9:.1f}", f"{budget / 1e9:.2f}", f"{most / 1e9:.3f}",
            f"{most / budget:.3f}", f"{found['s']:.0f}",
        )  # fmt: skip
        self._data["store budget"] = found

    def add_table(
        self, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], data: Any
    ) -> None:
        """Adds a table; ``data`` is the same as plain data."""
        self._section(title)
        self._table(*columns)
        for row in rows:
            self._row(*row)
        self._data[title] = data

    def add_text(self, text: str) -> None:
        """Adds a paragraph."""
        self._lines += ["", text]

    def _section(self, title: str) -> None:
        self._lines += ["", f"## {title}", ""]

    def _table(self, *columns: str) -> None:
        self._row(*columns)
        self._lines.append("|" + "---|" * len(columns))

    def _row(self, *cells: str) -> None:
        self._lines.append("| " + " | ".join(cells) + " |")


def _machine(machine: dict[str, Any]) -> list[str]:
    versions = ", ".join(f"{name} {found}" for name, found in machine["versions"].items())
    lines = [
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, "
        f"{machine['system']}, Python {machine['python']}, commit {machine['commit']}.",
        f"{versions}.",
        f"Measured on {machine['data']} with {machine['threads']} threads. Machines are shared and "
        "noisy: trust ratios within one run.",
    ]
    if machine.get("missing"):
        lines.append(f"Not installed, so not compared: {', '.join(machine['missing'])}.")
    return lines
