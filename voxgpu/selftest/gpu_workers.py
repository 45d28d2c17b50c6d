"""Self-test of every local GPU, each in its own dask-cuda worker process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from typing import Any

from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.selftest.run import SelfTestReport, self_test

HINT = "pip install 'voxgpu[gpu12,cluster-gpu12]'"


def self_test_workers() -> Iterator[SelfTestReport]:
    """Run the self-test in each worker of a cluster of this computer's GPUs.

    A worker sees its own GPU as the first one, so each runs on its ``cuda:0``. Raises ImgqlError if
    dask-cuda is missing or finds no GPU.
    """
    try:
        start: Any = import_module("dask_cuda").LocalCUDACluster
        connect: Any = import_module("distributed").Client
    except ImportError as error:
        message = f"workers need dask-cuda: {error}"
        raise ImgqlError([Diagnostic("E501", message, help=HINT)]) from None
    try:
        cluster = start(dashboard_address=None)
    except Exception as error:
        # NVML has a separate exception for each way of not finding a GPU.
        message = f"no worker can be started: {type(error).__name__}: {error}"
        raise ImgqlError([Diagnostic("E501", message)]) from None
    with cluster, connect(cluster) as client:
        workers = sorted(client.scheduler_info(n_workers=-1)["workers"].values(), key=_name)
        futures = [
            client.submit(self_test, "cuda:0", workers=[each["name"]], pure=False)
            for each in workers
        ]
        for worker, future in zip(workers, futures, strict=True):
            trial: SelfTestReport = future.result()
            yield replace(trial, device=f"worker {_name(worker)}")


def _name(worker: dict[str, object]) -> str:
    return str(worker["name"])
