"""Dask schedulers and workers in processes of their own, and cohorts that tell of workers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from tests.cohorts.tables import csv_rows

#: It is not imported here: that replaces the handler of Ctrl-C.
needs_jobqueue = pytest.mark.skipif(
    find_spec("dask_jobqueue") is None, reason="needs dask-jobqueue"
)

#: A primitive that notes what the process that runs it was given.
PRIMITIVES = '''
import json
import os
import time

from voxgpu.itk.thread_limit import VARIABLE
from voxgpu.primitives.define import NumberImage, whole_image

NAMES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", VARIABLE)


def _given():
    import dask
    from distributed import Worker
    from voxgpu.cohorts import on_worker

    (worker,), (_, opened) = Worker._instances, on_worker._opened
    manager = worker.memory_manager
    return {
        "pid": os.getpid(),
        "job": os.environ.get("SLURM_JOB_ID"),
        "gpus": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "threads": opened._session._threads,
        "memory": opened._session._runner._room._limit,
        "variables": [os.environ.get(each) for each in NAMES],
        "trim": os.environ.get("MALLOC_TRIM_THRESHOLD_"),
        "limits": [
            manager.memory_limit,
            manager.memory_target_fraction,
            manager.memory_spill_fraction,
            manager.memory_pause_fraction,
            dask.config.get("distributed.worker.memory.terminate"),
        ],
        "data": type(worker.data).__name__,
        "directory": worker.local_directory,
    }


@whole_image()
def telling(v: NumberImage) -> NumberImage:
    """The image.

    >>> telling([1, 2])
    [1, 2]
    """
    if v.size < 10:
        return v
    begins = time.monotonic()
    time.sleep(0.3)
    data = {**_given(), "from": begins, "to": time.monotonic()}
    with open(f"new-{os.getpid()}", "w") as file:
        json.dump(data, file)
    os.replace(file.name, f"given-{v.max():.0f}.json")
    return v
'''

#: The command that runs a cohort of cases that `prepare` has made.
WORDS = ("cohort", "p.imgql", "--cases", "data/*/", "-D", "V={path}/v.nii", "--store", "none")
WORDS += ("--primitives", "telling.py", "--device", "cpu")

#: Seconds to wait for what another process does.
_PATIENCE = 600


def prepare(folder: Path, cases: int) -> None:
    """Writes cases, numbered from 100 by their greatest voxel, a program and its primitive."""
    for number in range(cases):
        case = folder / "data" / f"case{number}"
        case.mkdir(parents=True)
        voxels = np.zeros((4, 5, 6), np.int16)
        voxels[0, 0, 0] = 100 + number
        sitk.WriteImage(sitk.GetImageFromArray(voxels), str(case / "v.nii"))
    (folder / "p.imgql").write_text('load v = "$V"\nprint "most" max(telling(v))\n')
    (folder / "telling.py").write_text(PRIMITIVES)


def given(folder: Path) -> list[dict[str, Any]]:
    """What the process of each case was given, in their order."""
    return [json.loads(each.read_text()) for each in sorted(folder.glob("given-*.json"))]


def rows(folder: Path, table: str = "cohort.csv") -> list[dict[str, str]]:
    """The rows of a table."""
    return csv_rows(folder / table)


def await_(condition: Callable[[], bool]) -> None:
    """Waits until it is so."""
    end = time.monotonic() + _PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


@contextmanager
def scheduler(folder: Path) -> Iterator[Path]:
    """A scheduler; yields the file with its address."""
    file = folder / "scheduler.json"
    words = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
    with _process(folder, "distributed.cli.dask_scheduler", *words):
        await_(file.exists)
        yield file


@contextmanager
def worker(file: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker of a scheduler; ``words`` are more options of `dask worker`."""
    options = ["--scheduler-file", str(file), "--no-dashboard", *words]
    with _process(file.parent, "distributed.cli.dask_worker", *options) as process:
        yield process


@contextmanager
def _process(folder: Path, module: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *words], cwd=folder, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
