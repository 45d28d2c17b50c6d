"""One measurement of one strategy, in a process of its own: asked by JSON, answered by JSON."""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import psutil

from benchmarks.strategies import remote
from benchmarks.strategies.catalogue import STRATEGIES, Entry
from benchmarks.strategies.interface import Counted, StrategyIO
from benchmarks.strategies.intervals import covered, overlap
from voxgpu import spans
from voxgpu.backends.cpu.backend import Cpu
from voxgpu.optimize.schedule import Schedule
from voxgpu.store.disk import DiskStore

#: Seconds between two looks at the memory.
_EVERY = 0.02


@dataclass
class Watch:
    """What is noted while a strategy runs; times in seconds of `perf_counter`."""

    delivered: list[float] = field(default_factory=list)
    begun: list[float] = field(default_factory=list)
    nodes: list[str] = field(default_factory=list)
    memory: list[tuple[float, int]] = field(default_factory=list)


@contextmanager
def memory_of(watch: Watch, with_workers: bool) -> Iterator[None]:
    """Samples the bytes that this process, and its workers, have in memory."""
    here, done = psutil.Process(), threading.Event()

    def look() -> None:
        while not done.wait(5 * _EVERY if with_workers else _EVERY):
            watch.memory.append((perf_counter(), _bytes_of(here, with_workers)))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        watch.memory.append((perf_counter(), _bytes_of(here, with_workers)))


def _bytes_of(here: psutil.Process, with_workers: bool) -> int:
    taken = int(here.memory_info().rss)
    if with_workers:
        for each in here.children(recursive=True):
            try:
                taken += int(each.memory_full_info().uss)
            except psutil.Error:
                continue
    return taken


@contextmanager
def surroundings(
    entry: Entry, folder: Path, watch: Watch, output: bool, workers: int = 2
) -> Iterator[StrategyIO]:
    """What a strategy needs: kernels, a store, workers; files are written to ``folder/out``."""
    backend = Cpu()
    (folder / "out").mkdir(parents=True, exist_ok=True)
    target = str(folder / "out") if output else None
    writer = remote.writer_of(target) if target else None
    store = DiskStore(folder / "store", 1 << 35) if entry.needs_store else None
    client = remote.cluster(workers) if entry.on_workers else None

    def deliver(goal: Any, value: Any) -> None:
        # A worker that ran a whole case has delivered its goals itself.
        if writer is not None and entry.name != "engine, a case per worker":
            with spans.span("writing", goal.label):
                writer.deliver(goal, value)
        watch.delivered.append(perf_counter())

    def begun(task: Any) -> None:
        watch.begun.append(perf_counter())
        watch.nodes += [id for id, _ in task.nodes]

    try:
        if client is not None:
            client.run(remote.start_recording)
            client.run(remote.warm_up, 1)
        yield StrategyIO(backend, deliver, store, client, 1, target, begun=begun)
    finally:
        if client is not None:
            client.shutdown()
        backend.close()


def run_twice(request: dict[str, Any]) -> dict[str, Any]:
    """Runs a schedule with a strategy in a new process, and once more when all is warm.

    The figures are those of the second run, but for memory. ``interrupt`` seconds after the start
    the second run is interrupted.
    """
    entry, folder = STRATEGIES[request["strategy"]], Path(request["folder"])
    schedule = pickle.loads(Path(request["schedule"]).read_bytes())
    watch = Watch()
    begin = perf_counter()
    for each in entry.modules:
        import_module(each)
    with surroundings(entry, folder, watch, request.get("output", True)) as io:
        ready = perf_counter() - begin
        before = _bytes_of(psutil.Process(), entry.on_workers)
        print(json.dumps({"started": True}), flush=True)
        answer = {} if request.get("once") else _run(entry, schedule, io, Watch(), None, True)
        if io.store is not None and answer:
            io.store = DiskStore(folder / "store2", 1 << 35)
        watch.delivered.clear()
        watch.begun.clear()
        second = _run(entry, schedule, io, watch, request.get("interrupt"))
    found = {**second, "cold": answer.get("wall"), "before": before, "ready": ready}
    if answer:
        found["peak"] = answer["peak"]
    if request.get("nodes"):
        found["nodes"] = watch.nodes
    return found


def _run(
    entry: Entry,
    schedule: Schedule,
    io: StrategyIO,
    watch: Watch,
    interrupt: float | None,
    looks: bool = False,
) -> dict[str, Any]:
    """Runs a schedule; ``looks``: at the memory, which takes time that should not be timed."""
    recorder, counted, is_interrupted = spans.Recorder(), Counted(), False
    idle = used = 0.0
    io.stop.clear()
    timer = threading.Timer(interrupt or 1e6, _interrupt)
    timer.daemon = True
    timer.start()
    here = psutil.Process()
    cpu, start = _cpu_of(here), perf_counter()
    looking = memory_of(watch, entry.on_workers) if looks else nullcontext()
    with spans.recording(recorder), looking:
        try:
            counted = entry.run(schedule, io)
            stop, used = perf_counter(), _cpu_of(here) - cpu
        except KeyboardInterrupt:
            is_interrupted = True
            stop, idle = perf_counter(), wait_until_idle()
    timer.cancel()
    found = [(each.category, each.start, each.end) for each in recorder.spans]
    if io.client is not None:
        found += [each for rows in io.client.run(remote.recorded).values() for each in rows]
    of_files = [each for each in found if each[0] in ("reading", "writing")]
    computing = [each for each in found if each[0] == "computing"]
    files = covered(of_files)
    answer = {
        "tasks": len(schedule.tasks),
        "goals": len(schedule.goals),
        "performed": counted.performed,
        "delivered": len(watch.delivered),
        "failed": len(counted.failures),
        "wall": stop - start,
        "cpu": used,
        "first": watch.delivered[0] - start if watch.delivered else None,
        "peak": max((each for _, each in watch.memory), default=None),
        "moved": counted.moved,
        "handed": counted.handed,
        "files": files,
        "computing": covered(computing),
        "overlapped": overlap(of_files, computing) / files if files else None,
        "interrupted": is_interrupted,
    }
    if is_interrupted:
        interrupted = start + (interrupt or 0.0)
        answer["until stopped"] = stop - interrupted
        answer["begun later"] = sum(each > interrupted for each in watch.begun)
        answer["until idle"] = max(stop, idle) - interrupted
    return answer


def wait_until_idle(quiet: float = 0.3, most: float = 20.0) -> float:
    """Waits until this process and its workers compute nothing; returns since when."""
    here = psutil.Process()
    begun = busy = perf_counter()
    used = _cpu_of(here)
    while (now := perf_counter()) - busy < quiet and now - begun < most:
        sleep(0.05)
        later = _cpu_of(here)
        if later - used > 0.02:
            busy = perf_counter()
        used = later
    return busy


def _cpu_of(here: psutil.Process) -> float:
    found = 0.0
    for each in (here, *here.children(recursive=True)):
        try:
            times = each.cpu_times()
        except psutil.Error:
            continue
        found += times.user + times.system
    return found


def _interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def grow(request: dict[str, Any]) -> None:
    """Runs schedules of growing size one after the other; tells of each as it is done."""
    entry = STRATEGIES[request["strategy"]]
    folder, here = Path(request["folder"]), psutil.Process()
    for each in entry.modules:
        import_module(each)
    with surroundings(entry, folder, Watch(), False) as io:
        warm_up = pickle.loads(Path(request["schedules"][0][1]).read_bytes())
        entry.run(warm_up, io)
        for size, path in request["schedules"]:
            schedule = pickle.loads(Path(path).read_bytes())
            print(json.dumps({"begin": size}), flush=True)
            rows = []
            for _ in range(request["repeats"] if len(schedule.tasks) <= 2000 else 1):
                if io.store is not None:
                    io.store = DiskStore(folder / f"store{size}-{len(rows)}", 1 << 35)
                cpu, start = _cpu_of(here), perf_counter()
                entry.run(schedule, io)
                rows.append((perf_counter() - start, _cpu_of(here) - cpu))
            print(
                json.dumps({"size": size, "tasks": len(schedule.tasks), "rows": rows}), flush=True
            )


def main() -> None:
    """Answers the request that is the first argument."""
    request = json.loads(sys.argv[1])
    # What a shell starts in the background ignores Ctrl-C, and so would this process.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if request["what"] == "grow":
        grow(request)
    else:
        print(json.dumps(run_twice(request)))


if __name__ == "__main__":
    main()
