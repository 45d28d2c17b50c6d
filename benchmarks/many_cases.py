"""Times cohorts: many small cases, for what the driver takes; and a real program beside a loop.

``python -m benchmarks.many_cases scale --cases 100000`` runs cases of twenty tasks of next to no
work on two workers: memory and CPU time of this process, and bytes through the scheduler, which
runs in it. ``python -m benchmarks.many_cases throughput --case a/b`` runs the tumor program on
copies of a case, on two workers and as a shell loop of ``voxgpu run`` does, and compares what both
print.
"""

from __future__ import annotations

import csv
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import SimpleITK as sitk

from benchmarks.programs import PARAMETERS
from voxgpu.cohorts.cases import Case
from voxgpu.cohorts.evaluate import Program
from voxgpu.cohorts.journal import Journal
from voxgpu.cohorts.placement import Placement
from voxgpu.cohorts.run import Cohort, CohortRun
from voxgpu.cohorts.table import write_table
from voxgpu.compile import Options
from voxgpu.diagnostics import Source
from voxgpu.session_settings import SessionSettings

#: Tasks of each small case.
TASKS = 20

#: Different images of small cases.
_IMAGES = 50


@dataclass
class Growth:
    """What the driver took while it ran small cases.

    samples  for numbers of cases: bytes of memory that the driver had, its CPU seconds, and seconds
    sent     bytes that were written to connections, and read from them, in the driver's process
    """

    cases: int
    samples: list[tuple[int, int, float, float]] = field(default_factory=list)
    sent: int = 0
    received: int = 0
    table_seconds: float = 0.0

    def memory(self, start: int) -> tuple[int, int]:
        """The least and the most bytes after so many cases."""
        found = [memory for count, memory, _, _ in self.samples if count >= start]
        return min(found), max(found)

    def times_of_case(self, start: int) -> tuple[float, float]:
        """CPU seconds and seconds of wall time of a case, after so many."""
        first, last = next(each for each in self.samples if each[0] >= start), self.samples[-1]
        cases = last[0] - first[0]
        return (last[2] - first[2]) / cases, (last[3] - first[3]) / cases

    @property
    def bytes_of_case(self) -> float:
        """Bytes through the scheduler for each case; what the client sends counts twice."""
        return (self.sent + self.received) / self.cases


def small_cohort(folder: Path, count: int, tasks: int = TASKS) -> Cohort:
    """Cases of small images, for which a program prints so many numbers."""
    names = []
    for number in range(_IMAGES):
        path = folder / f"image{number}.nii"
        voxels = np.random.default_rng(number).integers(0, 100, (4, 4, 4), np.int16)
        sitk.WriteImage(sitk.GetImageFromArray(voxels), str(path))
        names.append(str(path))
    prints = "".join(f'print "value{n}" max(v + {n})\n' for n in range(tasks))
    source = Source("small.imgql", f'load v = "$V"\n{prints}')
    cases = [Case(f"case{n:06}", "", {"V": names[n % _IMAGES]}) for n in range(count)]
    return Cohort(Program(source, None, Options(output=folder / "out")), cases, [()])


def run_small(
    folder: Path, count: int, workers: int = 2, tasks: int = TASKS, every: int = 250
) -> Growth:
    """Runs small cases on workers; returns what this process took, sampled now and then."""
    found, cohort = Growth(count), small_cohort(folder, count, tasks)
    with Journal(folder / "small.csv.journal", cohort.about(folder)) as journal, _counted(found):
        run = CohortRun(cohort, SessionSettings(output=folder), Placement(workers), journal)
        start = time.perf_counter()
        with closing(run.finishing()) as rows:
            for number, row in enumerate(rows):
                assert row.is_done, row.error
                if number % every == 0 or number == count - 1:
                    seconds = time.perf_counter() - start
                    found.samples.append((number, _memory(), time.process_time(), seconds))
                    if number % 5000 == 0:
                        print(_line(found.samples[-1]), file=sys.stderr, flush=True)
        start = time.perf_counter()
        write_table(folder / "small.csv", run.rows())
        found.table_seconds = time.perf_counter() - start
    return found


@contextmanager
def _counted(found: Growth) -> Iterator[None]:
    """Counts the bytes that dask writes to connections and reads from them."""
    tcp = import_module("distributed.comm.tcp")
    write, parse = tcp.TCP.write, tcp.from_frames

    async def counted_write(self: Any, *arguments: Any, **options: Any) -> int:
        count: int = await write(self, *arguments, **options)
        found.sent += count
        return count

    def counted_parse(frames: Any, *arguments: Any, **options: Any) -> Any:
        found.received += sum(memoryview(each).nbytes for each in frames)
        return parse(frames, *arguments, **options)

    tcp.TCP.write, tcp.from_frames = counted_write, counted_parse
    try:
        yield
    finally:
        tcp.TCP.write, tcp.from_frames = write, parse


def _memory() -> int:
    """Bytes of memory that this process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Throughput:
    """Seconds of wall and CPU time for some cases, in a cohort and as a loop of single runs."""

    cases: int
    cohort: tuple[float, float]
    loop: tuple[float, float]


def compare_with_loop(folder: Path, case: Path, count: int, workers: int = 2) -> Throughput:
    """Runs the tumor program on copies of a case both ways. Raises ValueError for other values.

    case  the beginning of the names of its files: ``a/b`` for ``a/b_flair.nii.gz``
    """
    _copy(case, folder, count)
    text = files("voxgpu.demo").joinpath("tumor.imgql").read_text()
    (folder / "tumor.imgql").write_text(text)
    values = [f"-D{name}={value}" for name, value in PARAMETERS.items()]
    voxgpu = [sys.executable, "-m", "voxgpu"]
    cohort = [*voxgpu, "cohort", "tumor.imgql", "--cases", "data/*/", *values, "-o", "cohort", "-q"]
    cohort += ["-D", "CASE={path}/{name}", "--workers", str(workers), "--store", "none"]
    once = [*voxgpu, "run", "tumor.imgql", *values, "--store", "none", "--json"]
    names = sorted(each.name for each in (folder / "data").iterdir())

    def loop() -> list[dict[str, Any]]:
        found = []
        for name in names:
            words = [*once, "-D", f"CASE=data/{name}/{name}", "-o", f"loop/{name}"]
            done = subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, check=True)
            found.append(
                {each["label"]: each["value"] for each in json.loads(done.stdout)["print"]}
            )
        return found

    expected, looped = _timed(loop)
    _, together = _timed(lambda: subprocess.run(cohort, cwd=folder, check=True))
    with (folder / "cohort.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row, values_of_case in zip(rows, expected, strict=True):
        for label, value in values_of_case.items():
            if float(row[label]) != float(value):
                raise ValueError(f"{row['case']}: {label} is {row[label]}, not {value}")
    return Throughput(count, together, looped)


def _copy(case: Path, folder: Path, count: int) -> None:
    for number in range(count):
        name = f"case{number:03}"
        (folder / "data" / name).mkdir(parents=True)
        for modality in ("flair", "seg"):
            source = case.with_name(f"{case.name}_{modality}.nii.gz")
            shutil.copy(source, folder / "data" / name / f"{name}_{modality}.nii.gz")


def _timed(work: Callable[[], Any]) -> tuple[Any, tuple[float, float]]:
    """What work returns, and the seconds of wall and of CPU time of its processes."""
    before, start = _cpu_of_children(), time.perf_counter()
    found = work()
    return found, (time.perf_counter() - start, _cpu_of_children() - before)


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _line(sample: tuple[int, int, float, float]) -> str:
    count, memory, cpu, seconds = sample
    return f"{count:>7} cases  {memory / 1e6:7.1f} MB  {cpu:8.2f} s CPU  {seconds:8.1f} s"


def _say_growth(found: Growth) -> None:
    start = min(5000, found.cases // 5)
    least, most = found.memory(start)
    for each in found.samples[:: max(1, len(found.samples) // 20)]:
        print(_line(each))
    print(f"memory after {start} cases: {least / 1e6:.1f} to {most / 1e6:.1f} MB")
    cpu, seconds = found.times_of_case(start)
    print(f"driver: {1e3 * cpu:.2f} ms of CPU time a case")
    print(f"cohort: {1e3 * seconds:.2f} ms a case")
    print(f"scheduler: {found.bytes_of_case:.0f} bytes a case")
    print(f"table: {found.table_seconds:.1f} s")


def _say_throughput(found: Throughput) -> None:
    for name, (wall, cpu) in (("cohort", found.cohort), ("loop", found.loop)):
        rate = 3600 * found.cases / wall
        each = f"{cpu / found.cases:5.2f} s CPU a case"
        print(f"{name:7} {wall:6.1f} s  {each}  {rate:6.0f} cases an hour")
    print(f"rate: {found.loop[0] / found.cohort[0]:.2f} x the loop")
    print(f"CPU of a case: {found.cohort[1] / found.loop[1]:.2f} x the loop")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what is asked for."""
    parser = ArgumentParser(prog="python -m benchmarks.many_cases", description=__doc__)
    parser.add_argument("what", choices=("scale", "throughput"))
    parser.add_argument("--cases", type=int, help="default: 5000 small ones, 24 copies")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--tasks", type=int, default=TASKS, help="of each small case")
    parser.add_argument("--case", type=Path, help="a/b for a/b_flair.nii.gz; for throughput")
    given = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="cohorts-") as name:
        if given.what == "scale":
            _say_growth(run_small(Path(name), given.cases or 5000, given.workers, given.tasks))
        elif given.case is None:
            parser.error("--case says which case is copied")
        else:
            found = compare_with_loop(Path(name), given.case, given.cases or 24, given.workers)
            _say_throughput(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
