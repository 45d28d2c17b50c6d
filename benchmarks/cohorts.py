"""Cohorts and sweeps against what one does without them: a single run, and a loop of the shell."""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.programs import copies_of, written
from voxgpu.bench.measure import Timing, processes

#: The published sweep of two thresholds: 7 x 11 combinations.
SWEEP = ("--sweep", "HI=0.91:0.97:0.01", "--sweep", "VI=0.82:0.92:0.01")

_GROWN = """
import "stdlib.imgql"
load flair = "$FLAIR"
let f = intensity(flair)
let brain = !touch(f <. 0.1, border)
let p = percentiles(f, brain, 0.5)
print "volume" volume(grow(smoothen(5.0, p >. $HI), smoothen(2.0, p >. $VI)))
"""


@dataclass(frozen=True)
class CohortRow:
    """A row of the benchmark: a cohort and what it is compared with.

    wanted  what the ratios should be, for people
    """

    name: str
    against: str
    ours: Timing
    theirs: Timing
    wanted: str


def time_cohorts(
    case: Path, folder: Path, runs: int, cases: int = 40, warm_up: bool = True
) -> list[CohortRow]:
    """Times a sweep against one combination, and workers against a loop; compares their values."""
    program = written(folder / "cohort.imgql", _GROWN)
    one = _table(folder / "one.csv", [Path(f"{case}_flair.nii.gz")])
    single = ("-D", "HI=0.93", "-D", "VI=0.89")
    here = ("--workers", "0")
    found = processes(
        {
            "sweep": _cohort(program, one, folder / "sweep.csv", *SWEEP, *here),
            "one": _cohort(program, one, folder / "single.csv", *single, *here),
        },
        runs,
        warm_up,
    )
    swept = {(row["HI"], row["VI"]): row["volume"] for row in _rows(folder / "sweep.csv")}
    (alone,) = _rows(folder / "single.csv")
    assert len(swept) == 77 and swept["0.93", "0.89"] == alone["volume"]
    sweep = CohortRow(
        "7 × 11 thresholds up to growTum, one case, one process",
        "one combination",
        found["sweep"],
        found["one"],
        "≤ 8 × the CPU",
    )
    images = copies_of(case, folder)
    paths = [images[number % len(images)] for number in range(cases)]
    many = _table(folder / "many.csv", paths)
    loop = " && ".join(
        f"{sys.executable} -m voxgpu run {program} -q -D FLAIR={path} {' '.join(single)}"
        for path in paths
    )
    found = processes(
        {
            "workers": _cohort(program, many, folder / "w.csv", *single, "--workers", "2"),
            "loop": ["/bin/sh", "-c", loop],
        },
        runs,
        warm_up,
    )
    assert {row["status"] for row in _rows(folder / "w.csv")} == {"done"}
    workers = CohortRow(
        f"{len(paths)} cases up to growTum, 2 workers",
        "a loop of `voxgpu run`",
        found["workers"],
        found["loop"],
        "≤ 0.5 × the time, ≤ 0.6 × the CPU",
    )
    return [sweep, workers]


def _cohort(program: Path, cases: Path, table: Path, *words: str) -> list[str]:
    """The command of a cohort that begins anew."""
    command = [sys.executable, "-m", "voxgpu", "cohort", str(program), "-q", "--no-resume"]
    return [*command, "--cases", str(cases), "--table", str(table), *words]


def _table(path: Path, images: list[Path]) -> Path:
    lines = [f"c{number},{image.absolute()}" for number, image in enumerate(images)]
    return written(path, "\n".join(["NAME,FLAIR", *lines]) + "\n")


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
