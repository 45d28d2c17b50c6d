"""dask-cuda starts a worker for each of four mock GPUs, and every one computes independently."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.mock_cupy.fixture import environment_of_processes

GPUS = 4
MEMORY = 8 << 20

#: Runs in a process of its own: dask forks from it, and its imports include the mock.
PROGRAM = '''
import json, os, sys
from dask_cuda import LocalCUDACluster
from distributed import Client

KERNEL = """
extern "C" __global__ void square(const double* source, double* target, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) target[i] = source[i] * source[i];
}
"""


def where():
    import cupy

    device = cupy.cuda.Device()
    with device:
        cupy.empty(1 << 20, "u1")
        taken = device.mem_info[1] - device.mem_info[0]
    return {
        "process": os.getpid(),
        "visible": os.environ["CUDA_VISIBLE_DEVICES"],
        "place": device.pci_bus_id,
        "count": cupy.cuda.runtime.getDeviceCount(),
        "version": cupy.__version__,
        "total": device.mem_info[1],
        "taken": taken,
    }


def made(value):
    import cupy
    import numpy

    return cupy.asarray(numpy.full(1000, float(value)))


def squared(array):
    import cupy
    import numpy

    target = cupy.empty(array.shape, array.dtype)
    kernel = cupy.RawModule(code=KERNEL).get_function("square")
    kernel((4,), (256,), (array, target, numpy.int32(array.size)))
    return target


def total(array):
    return type(array).__module__, float(array.get().sum())


def filled():
    import cupy

    try:
        return cupy.empty(1 << 30, "u1").size
    except MemoryError as error:
        return str(error)


if __name__ == "__main__":
    with LocalCUDACluster(dashboard_address=None) as cluster, Client(cluster) as client:
        workers = sorted(client.scheduler_info(n_workers=-1)["workers"])
        places = [client.submit(where, workers=[each], pure=False) for each in workers]
        arrays = [client.submit(made, i, workers=[each]) for i, each in enumerate(workers)]
        # Every array is used on the next worker, so that all of them travel.
        others = workers[1:] + workers[:1]
        squares = [
            client.submit(squared, array, workers=[each])
            for array, each in zip(arrays, others, strict=True)
        ]
        totals = client.gather([client.submit(total, each) for each in squares])
        fetched = [float(array.get()[0]) for array in client.gather(squares)]
        json.dump(
            {
                "places": client.gather(places),
                "totals": totals,
                "fetched": fetched,
                "filled": client.submit(filled).result(),
            },
            sys.stdout,
        )
'''


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The answers of a cluster's workers."""
    for needed in ("dask_cuda", "distributed"):
        if find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed: there is no cluster to start")
    folder = tmp_path_factory.mktemp("cluster")
    program = folder / "program.py"
    program.write_text(PROGRAM)
    return _run(program, folder)


def _run(program: Path, folder: Path) -> dict[str, Any]:
    environment = environment_of_processes(
        DOUBLE_GPUS=str(GPUS),
        DOUBLE_GPU_MEMORY=str(MEMORY),
        DASK_CUDA_TEST_SINGLE_GPU="1",
        DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE="false",
        DASK_TEMPORARY_DIRECTORY=str(folder),
    )
    done = subprocess.run(
        [sys.executable, str(program)],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_every_worker_has_a_device_of_its_own(answers: dict[str, Any]) -> None:
    places = answers["places"]
    assert len({each["process"] for each in places}) == GPUS
    assert {each["visible"].split(",")[0] for each in places} == {"0", "1", "2", "3"}
    for each in places:
        assert each["place"] == f"0000:{int(each['visible'].split(',')[0]) + 1:02X}:00.0"
        assert each["version"].endswith("+double")
        assert (each["count"], each["total"]) == (GPUS, MEMORY)
        # Only the worker uses its device's memory; the pool retains memory of deleted arrays.
        assert each["taken"] <= 2 << 20


@pytest.mark.slow
def test_arrays_travel_between_workers_and_home(answers: dict[str, Any]) -> None:
    assert answers["totals"] == [["cupy", 1000.0 * i * i] for i in range(GPUS)]
    assert answers["fetched"] == [float(i * i) for i in range(GPUS)]


@pytest.mark.slow
def test_memory_of_a_worker_is_that_of_its_device(answers: dict[str, Any]) -> None:
    assert answers["filled"].startswith("Out of memory allocating 1,073,741,824 bytes")
