"""Functions of the driver, and its error for kernels that cannot be loaded or launched."""

from __future__ import annotations

from cupy._errors import CUDADriverError
from cupy._machine import machine

__all__ = ["CUDADriverError", "ctxGetCurrent", "get_build_version"]


def get_build_version() -> int:
    return 12090


def ctxGetCurrent() -> int:  # noqa: N802 (as in CuPy)
    """The context of this thread: of the device in use; 0 if it has used none."""
    return machine.current + 1 if machine.uses_device else 0
