"""Clusters of dask.distributed: started for a cohort, and ended with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from typing import Any

from voxgpu.backends.thread_pool import usable_cores
from voxgpu.cohorts.placement import Placement
from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.session_settings import SessionSettings

#: Options of dask while a cohort runs.
_CONFIGURATION = {
    # Dask blames every case that a dead worker had been sent; we find out which it was.
    "distributed.scheduler.allowed-failures": 0,
    # Our store and budgets bound memory; a nanny that kills a worker at a limit would not know.
    "distributed.worker.memory.terminate": False,
    "logging.distributed": "critical",
}


@contextmanager
def connected(
    placement: Placement, tasks: int
) -> Iterator[tuple[Any, Callable[[SessionSettings], SessionSettings]]]:
    """A client of the workers of a placement, and a function that gives the settings of one worker.

    tasks  how many cases there are to run: no more workers are started

    Raises ImgqlError where distributed is not installed.
    """
    try:
        dask, distributed = import_module("dask"), import_module("distributed")
    except ImportError:
        hint = "pip install 'voxgpu[cluster]', or run in this process: --workers 0"
        message = "workers need dask.distributed, which is not installed"
        raise ImgqlError([Diagnostic("E402", message, help=hint)]) from None
    count = min(placement.workers, tasks)

    def share(settings: SessionSettings) -> SessionSettings:
        return settings_of_worker(settings, count, usable_cores())

    with (
        dask.config.set(_CONFIGURATION),
        distributed.LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            memory_limit=0,
            dashboard_address=None,
            local_directory=os.environ.get("TMPDIR") or None,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client, share


def settings_of_worker(settings: SessionSettings, workers: int, cores: int) -> SessionSettings:
    """The settings of one of several workers on a computer: a share of its cores."""
    return replace(settings, threads=settings.threads or max(1, cores // workers))
