"""An emulated GPU: the unmodified backend on the mock CuPy, with kernels run by the emulation.

Only the work of CuPy, NVIDIA's driver and compiler is replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.backends.cuda.emulated_cli import Cubins
from tests.mock_cupy.fixture import cubin_of, installed
from voxgpu.backends.cuda import create, detect
from voxgpu.backends.cuda.backend import Gpu
from voxgpu.backends.cuda.device import CudaDevice
from voxgpu.backends.cuda.multi_gpu import MultiGpuBackend
from voxgpu.backends.thread_pool import ThreadPool
from voxgpu.codegen import nvrtc
from voxgpu.codegen.cuda_renderer import CudaKernel


@contextmanager
def emulated_gpu(memory: int | None = None, **environment: str) -> Iterator[Gpu]:
    """The backend on the first GPU of the mock.

    memory       memory limit in bytes; None: 70 % of the device's
    environment  describes the machine, such as ``DOUBLE_GPU_MEMORY="1000000"``
    """
    with installed(**environment) as cupy:
        backend = gpu_on(cupy, 0, memory)
        try:
            yield backend
        finally:
            backend.close()


def gpu_on(cupy: Any, ordinal: int, memory: int | None = None) -> Gpu:
    """The backend on one GPU of a mock."""
    workers = ThreadPool(2)
    return Gpu(CudaDevice(cupy, ordinal, memory, cubin_of, workers.submit), workers)


@contextmanager
def emulated_gpus(
    count: int, memory: int | None = None, **environment: str
) -> Iterator[MultiGpuBackend]:
    """The backend on several GPUs."""
    with installed(DOUBLE_GPUS=str(count), **environment) as cupy:
        backend = MultiGpuBackend([gpu_on(cupy, ordinal, memory) for ordinal in range(count)])
        try:
            yield backend
        finally:
            backend.close()


@contextmanager
def emulated_machine(gpus: int = 2, **environment: str) -> Iterator[Any]:
    """Makes this computer appear to have GPUs, as for ``--device cuda:0``."""
    environment["DOUBLE_GPUS"] = str(gpus)
    with pytest.MonkeyPatch.context() as patch, installed(**environment) as double:
        patch.setattr(nvrtc, "architectures", lambda: (80, 90))
        patch.setattr(detect, "driver_problem", lambda: "")
        patch.setattr(detect, "detect_gpus", lambda ordinals=(0,): (gpus, ""))
        patch.setattr(detect, "cupy", lambda: double)
        patch.setattr(create, "cupy", lambda: double)
        patch.setattr(create, "cubins_for", Cubins)
        yield double


def prepare(backend: Gpu, kernels: Iterable[CudaKernel]) -> None:
    """Compiles all kernels together: starting a compiler for each takes far longer."""
    backend.device.modules.prepare(kernels, ())
