"""Timing: several runs, interleaved with those of peers, summarized by medians."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median
from typing import Any

from voxgpu.frozen import frozen


@frozen
class Timing:
    """Medians of several runs.

    wall      seconds of wall time
    cpu       seconds of CPU time
    peak      peak memory of the process in bytes; 0: unknown
    shortest  seconds of wall time of the fastest run
    longest   seconds of wall time of the slowest run
    """

    wall: float
    cpu: float
    peak: float = 0.0
    shortest: float = 0.0
    longest: float = 0.0


def in_turn(works: Mapping[str, Callable[[], Timing]], runs: int) -> dict[str, Timing]:
    """Calls each of ``works`` the given number of times, interleaved, so that noise hits all alike.

    Returns the medians of what they return.
    """
    found: dict[str, list[Timing]] = {name: [] for name in works}
    for _ in range(runs):
        for name, work in works.items():
            found[name].append(work())
    return {name: middle(rows) for name, rows in found.items()}


def alternate(works: Mapping[str, Callable[[], Any]], runs: int) -> dict[str, Timing]:
    """Times each of ``works`` the given number of times, interleaved, after a warm-up."""
    for work in works.values():
        work()
    return in_turn({name: partial(_timed, work) for name, work in works.items()}, runs)


def _timed(work: Callable[[], Any]) -> Timing:
    start, cpu = time.perf_counter(), time.process_time()
    result = work()
    wall, used = time.perf_counter() - start, time.process_time() - cpu
    del result
    return Timing(wall, used)


def processes(
    commands: Mapping[str, Sequence[str]], runs: int, warm_up: bool = True
) -> dict[str, Timing]:
    """Runs whole processes interleaved, after a warm-up; returns the system's accounting."""
    works = {name: partial(process, command) for name, command in commands.items()}
    if warm_up:
        in_turn(works, 1)
    return in_turn(works, runs)


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
    """One run of a process, which must succeed; ends it and its children where this one is ended.

    Raises RuntimeError if it fails.
    """
    variables = {**os.environ, **(environment or {})}
    launcher = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _LAUNCHER, *command],
        stdout=subprocess.PIPE,
        text=True,
        env=variables,
        # A group of its own: it can be ended with all that it started.
        start_new_session=True,
    )
    try:
        told, _ = launcher.communicate()
    except BaseException:
        os.killpg(launcher.pid, signal.SIGKILL)
        launcher.wait()
        raise
    status, wall, cpu, peak = told.split() if told else (str(launcher.returncode), *["0"] * 3)
    if int(status):
        raise RuntimeError(f"{' '.join(command)} ended with status {status}")
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return Timing(float(wall), float(cpu), float(peak) * unit)


def middle(rows: Sequence[Timing]) -> Timing:
    """The median of each figure, and the shortest and the longest wall time."""
    return Timing(
        median(row.wall for row in rows),
        median(row.cpu for row in rows),
        median(row.peak for row in rows),
        min(row.wall for row in rows),
        max(row.wall for row in rows),
    )
