"""Detection of usable GPUs; CuPy is an optional dependency."""

from __future__ import annotations

import ctypes
import os
import tempfile
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from voxgpu.backends.cuda.current_device import CurrentDevice
from voxgpu.caches.location import private_folder
from voxgpu.codegen import nvrtc
from voxgpu.forking import call_in_child

_LIBRARY = "nvcuda.dll" if os.name == "nt" else "libcuda.so.1"

#: What the driver answers where it is there and no device is.
_NO_DEVICE = 100

#: What it answers in a process that was forked from one that uses it.
_NOT_INITIALIZED = 3
_OF_PARENT = (
    "the process that this one was forked from uses it, and CUDA does not work across a fork; "
    'start processes with multiprocessing\'s "spawn" or "forkserver"'
)

#: Whether this process has started the driver; whether only the one it was forked from has.
_started = _is_parents = False

#: The oldest architecture that has the warp operations of the kernels: Volta, 7.0. For an older one
#: the probe below would compile, and most of the kernels would not.
OLDEST = 70

_PROBE = 'extern "C" __global__ void probe(int* place) { *place = 42; }\n'


@lru_cache
def detect_gpus(ordinals: tuple[int, ...] = (0,)) -> tuple[int, str]:
    """Returns the number of GPUs, or 0 and the reason. Never raises; cached.

    ordinals  the devices that must be usable, of those that exist; no other one is touched

    The cheapest questions come first: most computers without a GPU have no driver either.
    """
    problem = driver_problem()
    if problem:
        return 0, problem
    try:
        api = cupy()
    except ImportError as error:
        return 0, f"there is a driver, but CuPy is missing ({error}): {nvrtc.HINT}"
    missing = nvrtc.missing()
    if missing:
        return 0, missing
    try:
        count = int(api.cuda.runtime.getDeviceCount())
        for each in ordinals:
            if each < count:
                _run_something(api, each)
    except Exception as error:
        # Drivers fail in many ways, and all of them mean the same here.
        return 0, f"CuPy cannot use the GPU: {type(error).__name__}: {str(error)[:200]}"
    return count, "" if count else "the driver knows of no GPU"


#: Makes the next question probe the devices anew, since one was lost.
probe_again = detect_gpus.cache_clear


def driver_problem() -> str:
    """Returns why NVIDIA's driver cannot be used; empty if it can."""
    global _started
    if _is_parents:
        return _OF_PARENT
    try:
        driver = ctypes.CDLL(_LIBRARY)
    except OSError:
        return "there is no NVIDIA driver on this computer"
    status = int(driver.cuInit(0))
    _started = _started or status == 0
    if status == _NOT_INITIALIZED:
        return _OF_PARENT
    if status == _NO_DEVICE:
        return "the NVIDIA driver finds no GPU"
    return f"the NVIDIA driver does not start (error {status})" if status else ""


def _forked() -> None:
    """Records in a forked child that the driver belongs to the parent."""
    global _is_parents
    _is_parents = _is_parents or _started
    detect_gpus.cache_clear()


call_in_child(_forked)


@lru_cache(maxsize=1)
def cupy() -> Any:
    """Returns CuPy; raises ImportError if it is not installed."""
    home = os.path.expanduser("~")  # noqa: PTH111 (Path raises where there is none)
    if "CUPY_CACHE_DIR" not in os.environ and not os.access(home, os.W_OK):
        # It makes a folder while it is imported, and fails where it cannot.
        folder = private_folder() or Path(tempfile.gettempdir())
        os.environ["CUPY_CACHE_DIR"] = str(folder / "cupy")
    return import_module("cupy")


def architecture_of(capability: str, known: tuple[int, ...]) -> int:
    """Returns the newest architecture that a device runs and the compiler supports.

    capability  of the device, such as ``89``
    known       architectures the compiler has code for

    Raises ValueError where there is none, or where the device is too old for the kernels.
    """
    wanted = int(capability)
    if wanted < OLDEST:
        raise ValueError(
            f"compute capability {wanted / 10:.1f} is too old: "
            f"kernels need {OLDEST / 10:.1f} (Volta) or newer"
        )
    fitting = [each for each in known if each // 10 == wanted // 10 and each <= wanted]
    if not fitting:
        raise ValueError(
            f"NVRTC {nvrtc.version()} has no code for compute capability {wanted / 10:.1f}"
        )
    return max(fitting)


def _run_something(api: Any, ordinal: int) -> None:
    """Runs a kernel on a device; raises any error."""
    capability = api.cuda.Device(ordinal).compute_capability
    architecture = architecture_of(capability, nvrtc.architectures())
    with CurrentDevice(api, ordinal):
        module = api.cuda.Module()
        module.load(nvrtc.compile_text(_PROBE, architecture).cubin)
        place = api.zeros(1, "int32")
        module.get_function("probe")((1,), (1,), (place,))
        if int(place.get()[0]) != 42:
            raise RuntimeError("a kernel that was launched did nothing")
