"""Kills of cohorts: drivers and workers get signals at random times, and no row is lost or wrong.

``python -m tests.faults.cohort_kills 60`` kills sixty times.
"""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import SimpleITK as sitk

CASES = 10

#: Kills of a cohort, before it is run to its end.
KILLS_OF_COHORT = 6

PROGRAM = """
load v = "$V"
let wide = near(near(slow(v) > $T))
print "wide" volume(wide)
print "mean" avg(v, wide)
save "wide.nii.gz" wide
"""

PRIMITIVES = '''
import time

from voxgpu.primitives.define import NumberImage, whole_image


@whole_image()
def slow(v: NumberImage) -> NumberImage:
    """The image, after a while.

    >>> slow([1, 2])
    [1, 2]
    """
    time.sleep(0.15)
    return v
'''

WORDS = ["cohort", "p.imgql", "--cases", "data/*/", "-D", "V={path}/v.nii.gz", "--store", "none"]
WORDS += ["--primitives", "slow.py", "--sweep", "T=50,70", "-q"]

_SIGNALS = {
    "driver": (signal.SIGKILL, signal.SIGTERM, signal.SIGINT),
    "worker": (signal.SIGKILL, signal.SIGTERM),
}

Values = dict[tuple[str, str], dict[str, str]]


@dataclass
class Found:
    """What came of the kills.

    kills      how many signals were sent, by receiver, signal and number of workers
    set_aside  cases that were set aside, since two workers that ran them were killed
    problems   what was lost, double or wrong; nothing if all is well
    """

    kills: Counter[str] = field(default_factory=Counter)
    cohorts: int = 0
    set_aside: int = 0
    problems: list[str] = field(default_factory=list)


def prepare(folder: Path) -> Values:
    """Makes cases; returns the rows of a run that nothing interrupts."""
    for number in range(CASES):
        case = folder / "data" / f"case{number}"
        case.mkdir(parents=True)
        voxels = np.random.default_rng(number).integers(0, 100, (5 + number, 9, 8), np.int16)
        sitk.WriteImage(sitk.GetImageFromArray(voxels), str(case / "v.nii.gz"))
    (folder / "p.imgql").write_text(PROGRAM)
    (folder / "slow.py").write_text(PRIMITIVES)
    _run(folder, "expected.csv", 0, "-o", "expected").wait()
    return _values(folder / "expected.csv")


def kill(folder: Path, count: int, seed: int) -> Found:
    """Kills so many times, in cohorts of zero, one and two workers by turns."""
    expected, chance, found = prepare(folder), random.Random(seed), Found()
    while sum(found.kills.values()) < count:
        table = f"t{found.cohorts}.csv"
        for _ in range(min(KILLS_OF_COHORT, count - sum(found.kills.values()))):
            workers = found.cohorts % 3
            _interrupted(folder, table, workers, chance, found)
            _check_journal(folder / f"{table}.journal", expected, found)
        last = _run(folder, table, found.cohorts % 3, "--run-set-aside")
        status, rows = last.wait(), _values(folder / table)
        if status != 0 or rows != expected:
            wrong = [key for key in expected if rows.get(key) != expected[key]]
            found.problems.append(f"{table}: status {status}, wrong rows {wrong}")
        found.cohorts += 1
    return found


def _run(folder: Path, table: str, workers: int, *words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "voxgpu", *WORDS, "-o", f"out-{table}", *words]
    command += ["--table", table, "--workers", str(workers), "--grace", "0.3"]
    with (folder / "stderr.txt").open("ab") as errors:
        return subprocess.Popen(command, cwd=folder, stderr=errors, start_new_session=True)


def _interrupted(
    folder: Path, table: str, workers: int, chance: random.Random, found: Found
) -> None:
    """Runs a cohort, and sends a signal to it or to a worker at a random moment."""
    process = _run(folder, table, workers)
    journal = folder / f"{table}.journal"
    _until(lambda: process.poll() is not None or journal.exists(), 600)
    who = chance.choice(("driver", "worker", "worker")) if workers else "driver"
    number = chance.choice(_SIGNALS[who])
    if who == "worker":
        _until(lambda: process.poll() is not None or len(_workers_of(process.pid)) == workers, 600)
    time.sleep(chance.uniform(0.0, 1.5 if workers == 0 else 5.0))
    receivers = [process.pid] if who == "driver" else _workers_of(process.pid)
    if process.poll() is None and receivers:
        with suppress(ProcessLookupError):
            os.kill(chance.choice(receivers), number)
            found.kills[f"{number.name} to the {who} of {workers}"] += 1
    try:
        process.wait(600)
    except subprocess.TimeoutExpired:
        found.problems.append(f"{table}: hangs after {number.name} to the {who}")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _until(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)


def _workers_of(parent: int) -> list[int]:
    """The processes of workers that a driver has started."""
    found = []
    for each in Path("/proc").iterdir():
        if not each.name.isdigit():
            continue
        with suppress(OSError, IndexError):
            status = (each / "stat").read_text().rpartition(")")[2].split()
            line = (each / "cmdline").read_bytes()
            if int(status[1]) == parent and b"spawn_main" in line:
                found.append(int(each.name))
    return found


def _check_journal(path: Path, expected: Values, found: Found) -> None:
    """Every row of the journal is right, and none succeeded twice."""
    done: Counter[tuple[str, str]] = Counter()
    aside: set[str] = set()
    if not path.exists():
        return
    for line in path.read_bytes().splitlines(keepends=True):
        if not line.endswith(b"\n"):
            continue  # it was cut off, and is computed again
        data = json.loads(line)
        if "combination" not in data:
            continue
        key = data["case"], data["combination"]["T"]
        if data["status"] == "set aside":
            aside.add(data["case"])
        elif data["status"] == "done":
            done[key] += 1
            if {n: str(value) for n, value in data["printed"].items()} != expected[key]:
                found.problems.append(f"{path.name}: wrong row {key}")
        else:
            found.problems.append(f"{path.name}: {key} failed: {data['error']}")
    found.set_aside += len(aside)
    found.problems += [f"{path.name}: {key} twice" for key, times in done.items() if times > 1]


def _values(path: Path) -> Values:
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {
            (row["case"], row["T"]): {name: row[name] for name in ("wide", "mean")}
            for row in csv.DictReader(file)
        }


def main() -> int:
    """Kills as often as the first argument says, with the seed that the second gives."""
    count, seed = int(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else 0
    with TemporaryDirectory(prefix="kills-") as name:
        found = kill(Path(name), count, seed)
    for what, times in sorted(found.kills.items()):
        print(f"{times:4} {what}")
    kills, problems = sum(found.kills.values()), len(found.problems)
    print(f"{kills} kills in {found.cohorts} cohorts: {problems} problems")
    print(f"{found.set_aside} cases were set aside for a while")
    print("\n".join(found.problems))
    return 1 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main())
