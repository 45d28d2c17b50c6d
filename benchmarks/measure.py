"""How is something timed? In processes of its own, several times, alternating with its peer."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

_FRAME = """
import json, resource, sys, time
{setup}
start, cpu = time.perf_counter(), time.process_time()
{work}
wall, cpu = time.perf_counter() - start, time.process_time() - cpu
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
# Linux counts in KiB, macOS in bytes.
peak = peak * (1 if sys.platform == "darwin" else 1024)
print(json.dumps([wall, cpu, peak]))
"""


@dataclass(frozen=True)
class Timing:
    """Medians of several runs: seconds of wall and of CPU time, bytes at the peak."""

    wall: float
    cpu: float
    peak: float


@dataclass(frozen=True)
class Work:
    """Code to be timed, and code to be run before it."""

    setup: str
    work: str


def compare(works: Mapping[str, Work], runs: int) -> dict[str, Timing]:
    """Times each of ``works``, ``runs`` times, one after the other in turn."""
    found: dict[str, list[list[float]]] = {name: [] for name in works}
    for _ in range(runs):
        for name, work in works.items():
            found[name].append(_once(work))
    return {
        name: Timing(*(median(column) for column in zip(*rows, strict=True)))
        for name, rows in found.items()
    }


def _once(work: Work) -> list[float]:
    code = _FRAME.format(setup=work.setup, work=work.work)
    command = [sys.executable, "-c", code]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    figures: list[float] = json.loads(output.splitlines()[-1])
    return figures
