"""Times programs and operations against their peers; writes one page and plots."""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import plots, store
from benchmarks.cohorts import time_cohorts
from benchmarks.gpu.section import add_gpu
from benchmarks.gpu.tasks import PUBLISHED
from benchmarks.phantom import phantom
from benchmarks.programs import time_programs
from benchmarks.report import Report
from benchmarks.rewrites import time_rewrites
from benchmarks.scaling import LENGTHS, SIDE, over_length, over_threads, over_voxels
from voxgpu.backends.cpu.backend import Cpu, usable_cores
from voxgpu.backends.reference import ReferenceBackend
from voxgpu.bench import machine, peers
from voxgpu.bench.expressions import Operations
from voxgpu.bench.on_image import bright_threshold, operations_on
from voxgpu.bench.operators import OPERATIONS, Row, time_operations


@dataclass(frozen=True)
class Sizes:
    """The sizes of the measurements.

    phantom  options of ``voxgpu phantom``, for the head if no other case is given
    cube     voxels along the side of the largest cube
    lengths  nodes of the plans whose coordination is timed
    shapes   of the stored images
    nodes    number of values in the store during look-ups
    budget   gigabytes written to a store, and its budget in bytes
    """

    phantom: tuple[str, ...] = ()
    cube: int = 512
    lengths: tuple[int, ...] = LENGTHS
    shapes: tuple[tuple[int, int, int], ...] = store.SHAPES
    nodes: int = 100_000
    budget: tuple[float, int] = (50, 10**9)


SECTIONS = ("programs", "cohorts", "operators", "rewrites", "scaling", "coordination", "store")

#: Only run on request: the first takes minutes and writes 50 GB to the disk.
EXTRA = ("store-budget", "gpu")

#: Minimal sizes, to check that everything runs; the figures are meaningless.
MINIATURE = Sizes(
    phantom=("--size", "32", "32", "24", "--spacing", "7"),
    cube=16,
    lengths=(10, 50),
    shapes=((8, 8, 8),),
    nodes=200,
    budget=(0.15, 10**8),
)

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"


def main(arguments: list[str] | None = None) -> int:
    """Runs the requested sections."""
    given = _options(arguments)
    # Values that are timed are computed, unless stated otherwise.
    os.environ["VOXGPU_STORE"] = "none"
    missing = peers.missing()
    if not plots.can_draw():
        print("no plots without matplotlib; pip install -e '.[bench]'", file=sys.stderr)
    if missing:
        print(f"not installed: {', '.join(missing)}; pip install -e '.[bench]'", file=sys.stderr)
    with TemporaryDirectory(prefix="benchmarks-") as name:
        folder = Path(name)
        case = given.case or (given.miniature and phantom(folder, MINIATURE.phantom))
        case = case or _real_case() or phantom(folder)
        what = machine.description(Path(case).name, given.threads) | {"commit": _commit()}
        report = Report({**what, "missing": missing})
        try:
            _sections(given, case, folder, report)
        finally:
            report.write(given.output)
    print(report.text)
    print(f"written to {given.output}", file=sys.stderr)
    return 0


def _options(arguments: list[str] | None) -> Namespace:
    parser = ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SECTIONS + EXTRA, default=list(SECTIONS))
    parser.add_argument("--operator", default="", help="only operations whose name has this in it")
    parser.add_argument("--runs", type=int, default=5, help="of each; medians are shown")
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--largest", type=int, default=512, help="side of the largest cube, voxels")
    text = "everything on a very small head: to see whether it runs"
    parser.add_argument("--miniature", action="store_true", help=text)
    tasks = "programs of so many tasks run on the GPU"
    parser.add_argument("--tasks", type=int, nargs="*", default=list(PUBLISHED), help=tasks)
    case = "prefix of a case's files: a/b for a/b_flair.nii.gz; default: real data, or a phantom"
    parser.add_argument("--case", type=Path, help=case)
    parser.add_argument("--output", type=Path, default=Path("benchmark-output"))
    return parser.parse_args(arguments)


def _sections(given: Namespace, case: Path, folder: Path, report: Report) -> None:
    given.output.mkdir(parents=True, exist_ok=True)
    sizes = MINIATURE if given.miniature else Sizes(cube=given.largest)
    draw: Any = plots if plots.can_draw() else _NoPlots()
    if "programs" in given.only:
        text = files("voxgpu.demo").joinpath("tumor.imgql").read_text()
        report.add_programs(time_programs(case, folder, text, given.runs, given.miniature))
    if "cohorts" in given.only:
        cases, warm_up = (2, False) if given.miniature else (40, True)
        report.add_cohorts(time_cohorts(case, folder, min(2, given.runs), cases, warm_up))
    if {"operators", "rewrites"} & set(given.only):
        backend = Cpu(given.threads)
        operations = operations_on(Path(f"{case}_flair.nii.gz"), backend)
        if "operators" in given.only:
            rows = _operators(operations, given)
            report.add_operators(rows)
            draw.operators(rows, given.output)
        if "rewrites" in given.only:
            report.add_rewrites(time_rewrites(operations, given.runs))
        backend.close()
    if "scaling" in given.only:
        found = over_voxels(folder, min(3, given.runs), sizes.cube)
        report.add_curves("Scaling with voxels", "ms wall", 1e3, found)
        draw.curves(found, "voxels", "voxels", "wall time (ms)", 1e3, given.output)
        side = min(SIDE, sizes.cube)
        found = over_threads(folder, given.runs, given.threads, side)
        report.add_curves("Scaling with threads", f"ms wall, {side}³ voxels", 1e3, found)
        draw.curves(found, "threads", "threads", "wall time (ms)", 1e3, given.output)
    _store(given, sizes, case, folder, report)
    if "gpu" in given.only:
        add_gpu(report, case, folder, given, bright_threshold(Path(f"{case}_flair.nii.gz")))
    if "coordination" in given.only:
        found = over_length(min(3, given.runs), sizes.lengths)
        report.add_curves("Coordination", "µs a node", 1e6, found)
        label = "time a node (µs)"
        draw.curves(found, "coordination", "nodes of the plan", label, 1e6, given.output)


def _store(given: Namespace, sizes: Sizes, case: Path, folder: Path, report: Report) -> None:
    if "store" in given.only:
        text = files("voxgpu.demo").joinpath("tumor.imgql").read_text()
        report.add_values(store.time_values(folder, given.runs, sizes.shapes))
        report.add_lookups(store.time_lookups(folder, sizes.nodes))
        report.add_kept_runs(store.time_runs(case, folder, text, given.runs, not given.miniature))
    if "store-budget" in given.only:
        report.add_sweep(store.sweep_budget(folder, *sizes.budget))


class _NoPlots:
    """Replaces plotting if matplotlib is not installed."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


def _operators(operations: Operations, given: Namespace) -> list[Row]:
    def tell(row: Row) -> None:
        ours = row.timings["voxgpu"]
        print(f"{row.operation}: {ours.wall * 1e3:.1f} ms", file=sys.stderr)

    names = [each.name for each in OPERATIONS if given.operator in each.name]
    return time_operations(operations, given.runs, names.__contains__, ReferenceBackend(), tell)


def _commit() -> str:
    """The commit of the checkout that is measured."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def _real_case() -> Path | None:
    found = sorted(DATA.glob("brats19/*/*_flair.nii.gz"))
    return Path(str(found[0]).removesuffix("_flair.nii.gz")) if found else None


if __name__ == "__main__":
    sys.exit(main())
