"""Workers on this computer: processes that share its cores and memory, or its GPUs."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from voxgpu.backends.thread_pool import usable_cores
from voxgpu.cohorts.clusters.joined import Joined
from voxgpu.cohorts.clusters.libraries import (
    cluster_error,
    configured,
    distributed,
    imported,
    without_ctrl_c,
)
from voxgpu.cohorts.clusters.main_module import workers_without_script
from voxgpu.limits.process import memory_limits
from voxgpu.session_settings import SessionSettings

#: The part of the available memory that workers may take together.
_SHARED = 0.9

#: Seconds that workers have to start, on a busy computer too.
_STARTING = 120

#: Options of all local clusters: a case at a time, no limits on memory but ours, and a dashboard,
#: if bokeh is installed, on any free port of this computer alone.
_OPTIONS = {
    "threads_per_worker": 1,
    "memory_limit": 0,
    "dashboard_address": "127.0.0.1:0",
    # What is lost is told by notes and rows.
    "silence_logs": logging.CRITICAL,
}


def settings_of_worker(
    settings: SessionSettings, workers: int, cores: int, available: int
) -> SessionSettings:
    """The settings of one of several workers on a computer: a share of its cores and its memory.

    available  bytes of memory that are available on it
    """
    memory = settings.memory or int(_SHARED * available)
    threads = settings.threads or max(1, cores // workers)
    return replace(settings, threads=threads, memory=memory // workers)


@contextmanager
def local_cluster(settings: SessionSettings, count: int) -> Iterator[Joined]:
    """So many processes on this computer, which share its cores and memory."""
    library = distributed()
    own = _share(settings, count)
    with configured(own.threads), workers_without_script():
        with without_ctrl_c():
            cluster = library.LocalCluster(
                n_workers=count, local_directory=_local_directory(), **_OPTIONS
            )
        with cluster, library.Client(cluster, timeout=_STARTING) as client:
            yield Joined(client, own)


@contextmanager
def cuda_cluster(settings: SessionSettings, asked: int | None, tasks: int) -> Iterator[Joined]:
    """A worker for each GPU of this computer.

    dask-cuda orders the devices that a worker sees so that its own is the first. Nothing here uses
    a GPU in this process. Limits of dask-cuda on memory, spilling and pools of memory stay off.

    asked  how many workers to start; None: one for each GPU
    tasks  how many cases there are: no more workers are started

    Raises ImgqlError where dask-cuda is not installed or finds fewer GPUs.
    """
    start = imported("dask_cuda", "voxgpu[cluster-gpu12]", "workers for GPUs").LocalCUDACluster
    library = distributed()
    there = _gpus()
    if asked is not None and asked > there:
        reason = ValueError(f"{asked} were asked for, and there are {there} GPUs")
        raise cluster_error("a worker for each GPU cannot be started", reason)
    count = min(asked or there, tasks)
    own = replace(_share(settings, count), device="cuda:0")
    with configured(own.threads), workers_without_script():
        try:
            with without_ctrl_c():
                cluster = start(
                    n_workers=count,
                    device_memory_limit=0,
                    rmm_pool_size=None,
                    enable_cudf_spill=False,
                    local_directory=_local_directory(),
                    **_OPTIONS,
                )
        except Exception as error:
            # NVML has a separate exception for each way of not finding a GPU.
            raise cluster_error("no worker for a GPU can be started", error) from None
        with cluster, library.Client(cluster, timeout=_STARTING) as client:
            yield Joined(client, own)


def _gpus() -> int:
    """Return the number of visible GPUs, without using any; raises ImgqlError if there are none."""
    utilities = imported("dask_cuda.utils", "voxgpu[cluster-gpu12]", "workers for GPUs")
    try:
        visible: str = utilities.cuda_visible_devices(0)
    except Exception as error:
        raise cluster_error("no GPU is found for workers", error) from None
    if not visible:
        raise cluster_error("no GPU is found for workers", ValueError("there are 0"))
    return len(visible.split(","))


def _share(settings: SessionSettings, count: int) -> SessionSettings:
    return settings_of_worker(settings, count, usable_cores(), memory_limits()[0].available)


def _local_directory() -> str | None:
    """Where workers keep their own files: node-local, if TMPDIR says where that is."""
    return os.environ.get("TMPDIR") or None
