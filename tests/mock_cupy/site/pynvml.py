"""A mock of NVML, sufficient for dask-cuda to start a worker for each mock GPU.

``DOUBLE_GPUS`` is the number of GPUs, ``DOUBLE_GPU_MEMORY`` the bytes of each.
"""

# The names are NVML's.
# ruff: noqa: N801, N802
from __future__ import annotations

import os
from types import SimpleNamespace
from typing import NoReturn

NVML_DEVICE_MIG_DISABLE = 0
NVML_DEVICE_MIG_ENABLE = 1


class NVMLError(Exception):
    """An error of an NVML call."""


class NVMLError_NotSupported(NVMLError):
    """The device does not support this."""


class NVMLError_LibraryNotFound(NVMLError):
    """There is no NVML."""


class NVMLError_DriverNotLoaded(NVMLError):
    """There is no driver."""


class NVMLError_Unknown(NVMLError):
    """An unknown error."""


class NVMLError_NotFound(NVMLError):
    """There is no such device."""


class NVMLError_InvalidArgument(NVMLError):
    """There is no device of that number."""


def nvmlInit() -> None:
    pass


def nvmlShutdown() -> None:
    pass


def nvmlSystemGetDriverVersion() -> str:
    return "575.00"


def nvmlDeviceGetCount() -> int:
    return int(os.environ.get("DOUBLE_GPUS", "2"))


def nvmlDeviceGetHandleByIndex(index: int | str) -> int:
    if not 0 <= int(index) < nvmlDeviceGetCount():
        raise NVMLError_InvalidArgument(index)
    return int(index)


def nvmlDeviceGetUUID(handle: int) -> str:
    return f"GPU-{handle:08d}-0000-0000-0000-000000000000"


def nvmlDeviceGetHandleByUUID(uuid: str | bytes) -> int:
    wanted = uuid.decode() if isinstance(uuid, bytes) else uuid
    for handle in range(nvmlDeviceGetCount()):
        if nvmlDeviceGetUUID(handle) == wanted:
            return handle
    raise NVMLError_NotFound(wanted)


def nvmlDeviceGetIndex(handle: int) -> int:
    return handle


def nvmlDeviceIsMigDeviceHandle(handle: int) -> bool:
    return False


def nvmlDeviceGetMigMode(handle: int) -> NoReturn:
    raise NVMLError_NotSupported("the device is never divided")


def nvmlDeviceGetCpuAffinity(handle: int, size: int) -> list[int]:
    cores = os.cpu_count() or 1
    return [((1 << cores) - 1) >> (64 * word) & (2**64 - 1) for word in range(size)]


def nvmlDeviceGetMemoryInfo(handle: int) -> SimpleNamespace:
    total = int(os.environ.get("DOUBLE_GPU_MEMORY", str(256 << 20)))
    return SimpleNamespace(total=total, used=0, free=total)


def nvmlDeviceGetName(handle: int) -> str:
    return "Double of a GPU"


def nvmlDeviceGetUtilizationRates(handle: int) -> SimpleNamespace:
    return SimpleNamespace(gpu=0, memory=0)


def nvmlDeviceGetComputeRunningProcesses(handle: int) -> list[SimpleNamespace]:
    return []
