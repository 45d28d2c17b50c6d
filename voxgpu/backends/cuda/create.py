"""Opening of GPUs, with the cache of their compiled kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from voxgpu.backends.cuda.backend import Gpu
from voxgpu.backends.cuda.detect import architecture_of, cupy
from voxgpu.backends.cuda.device import CudaDevice
from voxgpu.backends.cuda.multi_gpu import MultiGpuBackend
from voxgpu.backends.thread_pool import ThreadPool
from voxgpu.codegen import nvrtc
from voxgpu.codegen.cubin_cache import Cubins
from voxgpu.codegen.jit import code_cache
from voxgpu.spans import Ranges, show_spans_to


class _Nvtx:
    """The ranges of NVTX, through CuPy."""

    def __init__(self, library: Any) -> None:
        self.push: Callable[[str], object] = library.RangePush
        self.pop: Callable[[], object] = library.RangePop


def _nvtx() -> Ranges | None:
    """NVTX; None if CuPy was built without it."""
    try:
        return _Nvtx(cupy().cuda.nvtx)
    except (AttributeError, RuntimeError):
        return None


def cubins_for(architecture: int) -> Cubins:
    """Code for an architecture, such as 90 for sm_90, kept in the folder of compiled kernels."""
    return Cubins(code_cache(".cubin"), architecture)


def open_device(ordinal: int, memory: int | None, workers: ThreadPool) -> CudaDevice:
    """A GPU that ``detect_gpus`` counts.

    memory   bytes that may be taken; None: 70 % of what is free
    workers  the threads that compile in the background
    """
    api = cupy()
    capability = api.cuda.Device(ordinal).compute_capability
    cubins = cubins_for(architecture_of(capability, nvrtc.architectures()))
    return CudaDevice(api, ordinal, memory, cubins.cubin, workers.submit)


def open_gpus(
    ordinals: tuple[int, ...], memory: int | None, workers: ThreadPool
) -> Gpu | MultiGpuBackend:
    """Returns the backend for these GPUs; profilers of NVIDIA see spans that are recorded."""
    show_spans_to(_nvtx())
    gpus = [Gpu(open_device(each, memory, workers), workers) for each in ordinals]
    return gpus[0] if len(gpus) == 1 else MultiGpuBackend(gpus)
