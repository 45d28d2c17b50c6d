"""Measures all strategies into one data file, section by section; writes the page and its plots.

Sections that are done are kept in ``--output`` until all are, so that an interrupted run goes
on where it was.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from benchmarks.strategies import page, sections, work
from benchmarks.strategies.faults import faults
from benchmarks.strategies.other_engines import engines
from benchmarks.strategies.sections import MINIATURE, ROOT, Extent
from benchmarks.strategies.session_profile import profile
from voxgpu.bench import machine

SECTIONS: dict[str, Callable[[work.Work, Extent, sections.Tell], Any]] = {
    "lines": sections.lines,
    "programs": sections.programs,
    "sharing": sections.sharing,
    "faults": faults,
    "profile": profile,
    "engines": engines,
    "coordination": sections.coordination,
}

DATA = ROOT / "docs" / "execution-strategies.json"


def main(arguments: list[str] | None = None) -> int:
    """Measures the sections that are missing."""
    parser = ArgumentParser(prog="python -m benchmarks.strategies", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--output", type=Path, default=Path("benchmark-output/strategies"))
    parser.add_argument("--data", type=Path, default=DATA, help="the data file")
    parser.add_argument("--patience", type=float, default=Extent.patience, help="seconds a size")
    parser.add_argument("--repeats", type=int, default=Extent.repeats)
    parser.add_argument("--miniature", action="store_true", help="to see whether everything runs")
    parser.add_argument(
        "--page-only", action="store_true", help="only write the page and the plots"
    )
    given = parser.parse_args(arguments)
    if not given.page_only:
        extent = MINIATURE if given.miniature else Extent(
            patience=given.patience, repeats=given.repeats
        )  # fmt: skip
        given.output.mkdir(parents=True, exist_ok=True)
        measure(given.only, given.output, extent, given.miniature)
        assemble(given.only, given.output, given.data)
    if given.data == DATA:
        page.write(json.loads(DATA.read_text("utf-8")))
    return 0


def measure(names: list[str], output: Path, extent: Extent, miniature: bool) -> None:
    """Measures the sections that are not in the folder yet."""
    with TemporaryDirectory(prefix="strategies-") as folder:
        found = work.prepare(Path(folder), miniature)
        for name in names:
            path = output / f"{name}.json"
            if path.exists():
                print(f"{name}: kept from the run before", file=sys.stderr)
                continue
            start = perf_counter()
            data = SECTIONS[name](found, extent, lambda text: print(text, file=sys.stderr))
            seconds = perf_counter() - start
            about = machine.description(found.case.name, machine_threads())
            section = {"machine": about, "seconds": round(seconds, 1), "data": rounded(data)}
            path.write_text(json.dumps(section, indent=1) + "\n", "utf-8")
            print(f"{name}: {seconds:.0f} s", file=sys.stderr)


def machine_threads() -> int:
    """The number of threads of a run."""
    from voxgpu.backends.thread_pool import usable_cores

    return usable_cores()


def assemble(names: list[str], output: Path, data: Path) -> None:
    """Puts the sections into the data file, where others stay, and removes them from the folder."""
    whole = json.loads(data.read_text("utf-8")) if data.exists() else {}
    for name in names:
        path = output / f"{name}.json"
        whole[name] = json.loads(path.read_text("utf-8"))
        path.unlink()
    ordered = {name: whole[name] for name in SECTIONS if name in whole}
    data.write_text(json.dumps(ordered, indent=1) + "\n", "utf-8")


def rounded(data: Any) -> Any:
    """The data with five digits of each number, which is more than can be measured."""
    if isinstance(data, dict):
        return {name: rounded(each) for name, each in data.items()}
    if isinstance(data, list | tuple):
        return [rounded(each) for each in data]
    return float(f"{data:.5g}") if isinstance(data, float) else data


if __name__ == "__main__":
    sys.exit(main())
