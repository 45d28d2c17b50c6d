"""The profile of a session modelled on VoxLogicA-2's: memory over time, and time by function."""

from __future__ import annotations

import cProfile
import json
import pickle
import pstats
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.strategies.sections import Extent, Tell
from benchmarks.strategies.work import Work

#: Samples of the memory that are kept.
_SAMPLES = 60

#: Functions that are listed.
_FUNCTIONS = 8


def profile(work: Work, extent: Extent, tell: Tell) -> Any:
    """A chain without work: phases, functions and memory; and the memory during the sweep."""
    length = extent.lengths[min(2, len(extent.lengths) - 1)] // 2
    found: dict[str, Any] = {"length": length}
    for name, schedule in (("chain", work.numbers("chain", length)), ("sweep", work.sweep())):
        for strategy in ("session, as in VoxLogicA-2", "engine, threads"):
            request = {"strategy": strategy, "schedule": schedule, "folder": str(work.folder)}
            request["functions"] = name == "chain"
            command = [sys.executable, "-W", "ignore", "-m", __name__, json.dumps(request)]
            told = subprocess.run(command, capture_output=True, text=True, check=True)
            found[f"{name}, {strategy}"] = json.loads(told.stdout)
            tell(f"profile, {name}, {strategy}")
    return found


def _profiled(request: dict[str, Any]) -> dict[str, Any]:
    from benchmarks.strategies.catalogue import STRATEGIES
    from benchmarks.strategies.one import Watch, memory_of, surroundings

    entry, watch = STRATEGIES[request["strategy"]], Watch()
    schedule = pickle.loads(Path(request["schedule"]).read_bytes())
    for each in entry.modules:
        __import__(each)
    profiler = cProfile.Profile()
    with surroundings(entry, Path(request["folder"]), watch, False) as io:
        start = perf_counter()
        with memory_of(watch, False):
            entry.run(schedule, io)
        wall = perf_counter() - start
        samples = [[when - start, taken] for when, taken in watch.memory]
        found = {"wall": wall, "tasks": len(schedule.tasks), "memory": _thinned(samples)}
        if request["functions"]:
            profiler.runcall(entry.run, schedule, io)
            found["functions"] = functions_of(profiler)
    return found


def functions_of(profiler: cProfile.Profile) -> list[dict[str, Any]]:
    """The functions of the main thread that took most of the time, without what they called."""
    statistics: Any = pstats.Stats(profiler)
    rows = [
        (own, name if file == "~" else f"{Path(file).name}:{name}", calls)
        for (file, _, name), (calls, _, own, _, _) in statistics.stats.items()
    ]
    whole = sum(own for own, _, _ in rows)
    return [
        {"function": name, "share": own / whole, "calls": calls}
        for own, name, calls in sorted(rows, reverse=True)[:_FUNCTIONS]
    ]


def _thinned(samples: list[list[float]]) -> list[list[float]]:
    step = max(1, len(samples) // _SAMPLES)
    kept = samples[::step]
    return [[round(when, 3), taken] for when, taken in kept]


if __name__ == "__main__":
    print(json.dumps(_profiled(json.loads(sys.argv[1]))))
