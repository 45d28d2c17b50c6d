"""The current GPU of a thread, without a context on any other GPU.

CuPy's own ``with Device(1):`` makes the previous device current again when it ends. That is the
first GPU where a thread has used none yet, and since CUDA 12 making a device current initializes
its context, which takes some hundred MB of it, and fails where another process has it for itself.
"""

from __future__ import annotations

from threading import local
from typing import Any

from voxgpu.deferred import DeviceLost

#: Errors after which every call for a device fails, until the process ends: of kernels that made an
#: invalid access, instruction or assertion or took too long, and of the hardware.
STICKY = frozenset((46, 214, 220, 226, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 999))


class CurrentDevice:
    """Makes a GPU the current one of a thread in a ``with`` block; may be nested.

    A thread that used another device before has that one again afterwards; for a thread that used
    none, the device stays current.

    Raises DeviceLost instead of errors of CUDA after which the device cannot be used any more.

    api      CuPy
    ordinal  the number of the device
    """

    def __init__(self, api: Any, ordinal: int) -> None:
        self._runtime = api.cuda.runtime
        self._driver = api.cuda.driver
        self._ordinal = ordinal
        self._of_thread = local()

    def __enter__(self) -> None:
        before: int | None = None
        if not self._driver.ctxGetCurrent():
            self._runtime.setDevice(self._ordinal)
        elif self._runtime.getDevice() != self._ordinal:
            before = int(self._runtime.getDevice())
            self._runtime.setDevice(self._ordinal)
        self._stack().append(before)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        before = self._stack().pop()
        if getattr(error, "status", None) in STICKY:
            raise DeviceLost(f"cuda:{self._ordinal}: {error}") from error
        if before is not None:
            self._runtime.setDevice(before)

    def _stack(self) -> list[int | None]:
        """The devices to make current again, innermost last."""
        if not hasattr(self._of_thread, "stack"):
            self._of_thread.stack = []
        found: list[int | None] = self._of_thread.stack
        return found
