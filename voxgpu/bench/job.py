"""What is measured: a program, the columns that run it, and the ways in which it is run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from voxgpu.compile import Options
from voxgpu.device_spec import parse_device
from voxgpu.diagnostics import Source
from voxgpu.frozen import frozen

#: The ways in which a program is run, and what is timed.
MODES = {
    "cold": "a new process from start to end, with an empty cache of kernels, without a store",
    "cold-store": "the same with an empty store, which it fills",
    "warm": "compiling and running in a process that has run it before, without a store",
    "warm-store": "the same with a store that has the results; files are written again",
}


@frozen
class Column:
    """Where and how a program runs.

    name     as displayed
    device   as ``--device`` of ``voxgpu run`` has it
    threads  None: one per core
    """

    name: str
    device: str
    threads: int | None = None


@frozen
class Job:
    """A program to measure. It can be pickled.

    path     its file
    options  what affects its meaning
    memory   memory limit of the process in bytes; None: the available memory
    """

    source: Source
    path: Path
    options: Options
    memory: int | None = None


def columns_of(devices: Iterable[str], threads: Sequence[int]) -> list[Column]:
    """The columns of devices and numbers of threads, each once; the reference has one thread.

    devices  such as ``cpu``, ``reference`` and ``cuda:0+cuda:1`` (two GPUs together)

    Raises ValueError for something that is no device.
    """
    columns = {}
    for name in devices:
        device = name.replace("+", ",")
        kind = parse_device(device).kind
        for count in threads if threads and kind != "reference" else (None,):
            text = "" if count is None else f", {count} thread" + "s" * (count > 1)
            columns[name + text] = Column(name + text, device, count)
    return list(columns.values())
