"""What runs in worker processes: a task with this process's own kernels, and what it counted."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.strategies.interface import StrategyIO, performed
from voxgpu import spans
from voxgpu.backends.cpu.backend import Cpu
from voxgpu.execution.outputs import OutputWriter
from voxgpu.files.access import AllowedRoots
from voxgpu.image import Image
from voxgpu.optimize.schedule import Schedule

#: What this process recorded since it was asked last, and what keeps it recording.
_RECORDED = spans.Recorder()
_RECORDING = ExitStack()


@cache
def backend(threads: int) -> Cpu:
    """Returns the backend of this process."""
    return Cpu(threads)


def warm_up(threads: int) -> None:
    """Makes the backend of this process."""
    backend(threads)


def perform(task: Any, header: Any, threads: int, *made: Any) -> dict[Any, Any]:
    """Performs a task; ``made`` are the results of the tasks that it needs."""
    values = {id: value for each in made for id, value in each.items()}
    return performed(task, values, header, backend(threads))


def run_case(schedule: Schedule, threads: int, output: str | None) -> tuple[list[Any], Any]:
    """Runs a whole schedule with voxgpu's engine; returns the delivered values and what it counted.

    output  the folder for the files of the goals, whose images then stay here; None: all are sent
    """
    from benchmarks.strategies.engine import run

    delivered: list[Any] = []
    deliver = writer_of(output).deliver if output is not None else None
    places = {id(goal): place for place, goal in enumerate(schedule.goals)}

    def keep(goal: Any, value: Any) -> None:
        if deliver is not None:
            deliver(goal, value)
            value = None if goal.action == "save" else value
        delivered.append((places[id(goal)], value))

    counted = run("threads", schedule, StrategyIO(backend(threads), keep))
    failures = [(places[id(goal)], node, error) for goal, node, error in counted.failures]
    return delivered, (counted.performed, failures)


def writer_of(output: str) -> OutputWriter:
    """Returns what writes the files of goals to a folder."""
    folder = Path(output)
    return OutputWriter(
        folder, AllowedRoots(), lambda printed: None, lambda saved: None, images=False
    )


def start_recording() -> None:
    """Records what this process does until its end."""
    _RECORDING.enter_context(spans.recording(_RECORDED))


def recorded() -> list[tuple[str, float, float]]:
    """Returns, and forgets, the category, start and end (seconds) of what this process did."""
    found = [(each.category, each.start, each.end) for each in _RECORDED.spans]
    _RECORDED.spans.clear()
    return found


def sent_bytes(client: Any) -> int:
    """Returns the bytes of results that the workers have sent, to each other and to the client."""
    counts = client.run(_sent)
    return sum(counts.values())


def _sent(dask_worker: Any) -> int:
    return sum(each["compressed"] for each in dask_worker.transfer_outgoing_log)


def tell_sizes() -> None:
    """Lets the scheduler of dask know the sizes of images, by which it decides where tasks run."""
    sizeof = import_module("dask.sizeof").sizeof
    sizeof.register(Image, lambda image: image.array.nbytes)


def cluster(workers: int, in_processes: bool = True) -> Any:
    """Returns a client of a cluster on this computer, with a thread in each worker."""
    library = import_module("distributed")
    client = library.Client(
        n_workers=workers,
        threads_per_worker=1,
        processes=in_processes,
        memory_limit=0,
        dashboard_address=None,
        silence_logs=50,
    )
    client.run(tell_sizes)
    return client
