"""Timing: several runs, interleaved with those of peers, summarized by medians."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Timing:
    """Medians of several runs: seconds of wall and CPU time, peak memory in bytes (0: unknown)."""

    wall: float
    cpu: float
    peak: float = 0.0


def alternate(works: Mapping[str, Callable[[], Any]], runs: int) -> dict[str, Timing]:
    """Calls each of ``works`` the given number of times, interleaved, after a warm-up."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(runs):
        for name, work in works.items():
            start, cpu = time.perf_counter(), time.process_time()
            result = work()
            found[name].append((time.perf_counter() - start, time.process_time() - cpu))
            del result
    return {
        name: Timing(*(median(column) for column in zip(*rows, strict=True)))
        for name, rows in found.items()
    }


def processes(
    commands: Mapping[str, Sequence[str]], runs: int, environment: Mapping[str, str] | None = None
) -> dict[str, Timing]:
    """Runs whole processes interleaved, after a warm-up; returns the system's accounting."""
    for command in commands.values():
        process(command, environment)
    found: dict[str, list[Timing]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            found[name].append(process(command, environment))
    return {name: middle(rows) for name, rows in found.items()}


#: Starts a process and prints its resource usage. A small process of its own: the system counts the
#: memory of a parent as the child's, and the measuring process is large.
_LAUNCHER = """
import os, resource, subprocess, sys, time
start = time.perf_counter()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
wall = time.perf_counter() - start
print(os.waitstatus_to_exitcode(status), wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
"""


def process(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Timing:
    """One run of a process, which must succeed."""
    variables = {**os.environ, **(environment or {})}
    launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, *command]
    told = subprocess.run(launcher, stdout=subprocess.PIPE, text=True, env=variables, check=True)
    status, wall, cpu, peak = told.stdout.split()
    if int(status):
        raise RuntimeError(f"{' '.join(command)} ended with status {status}")
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return Timing(float(wall), float(cpu), float(peak) * unit)


def middle(rows: Sequence[Timing]) -> Timing:
    """The median of each figure."""
    return Timing(
        median(row.wall for row in rows),
        median(row.cpu for row in rows),
        median(row.peak for row in rows),
    )
