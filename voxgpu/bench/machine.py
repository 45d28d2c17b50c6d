"""Description of the machine and the versions that were measured."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from voxgpu.version import __version__

PACKAGES = (
    "numpy", "scipy", "SimpleITK", "llvmlite", "numba", "scikit-image",
    "connected-components-3d", "edt", "numexpr", "niimath",
)  # fmt: skip

#: Additional properties of a GPU.
GPU_PACKAGES = (
    "cupy-cuda12x", "cupy-cuda13x", "cucim-cu12", "cucim-cu13", "cuda-bindings",
    "nvidia-cuda-nvrtc-cu12", "nvidia-cuda-nvrtc",
)  # fmt: skip


def description(data: str, threads: int) -> dict[str, Any]:
    """Machine, versions, and the data."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "voxgpu": __version__,
        "python": platform.python_version(),
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
        "data": data,
        "threads": threads,
    }


def gpu_description(api: Any) -> dict[str, Any]:
    """The first GPU and its driver and libraries; ``api`` is CuPy."""
    from voxgpu.codegen import nvrtc

    properties = api.cuda.runtime.getDeviceProperties(0)
    module = Path("/proc/driver/nvidia/version")
    return {
        "gpu": properties["name"].decode(),
        "capability": f"{properties['major']}.{properties['minor']}",
        "multiprocessors": properties["multiProcessorCount"],
        "memory_gb": round(api.cuda.Device(0).mem_info[1] / 1e9, 1),
        "driver": module.read_text().splitlines()[0] if module.exists() else "",
        "driver_cuda": api.cuda.runtime.driverGetVersion(),
        "cupy": api.__version__,
        "nvrtc": nvrtc.missing() or nvrtc.version(),
        "versions": {name: found for name in GPU_PACKAGES if (found := _version(name))},
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
