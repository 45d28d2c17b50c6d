"""Which device does a thread use?"""

from __future__ import annotations

import threading

from cupy import _limits
from cupy._errors import INVALID_DEVICE, CUDARuntimeError
from cupy._machine import machine
from cupy.cuda import runtime

_of_thread = threading.local()


class Device:
    """A device of this process.

    device  its number, or a device; None: the one in use
    """

    def __init__(self, device: int | Device | None = None) -> None:
        self.id = machine.current if device is None else int(device)

    def __int__(self) -> int:
        return self.id

    def __repr__(self) -> str:
        return f"<CUDA Device {self.id}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __enter__(self) -> Device:
        _entered().append(machine.current)
        try:
            self.use()
        except CUDARuntimeError:
            _entered().pop()
            raise
        return self

    def __exit__(self, *args: object) -> None:
        machine.use(_entered().pop())

    def use(self) -> None:
        """This thread uses it from now on."""
        if self.id < 0:
            raise CUDARuntimeError(INVALID_DEVICE)
        machine.use(self.id)

    def synchronize(self) -> None:
        """Waits until all its work ran."""
        with self:
            runtime.deviceSynchronize()

    @property
    def mem_info(self) -> tuple[int, int]:
        """Bytes that are free, and all it has."""
        with self:
            return runtime.memGetInfo()

    @property
    def compute_capability(self) -> str:
        """Such as ``90``."""
        machine.gpu(self.id)
        return "".join(map(str, _limits.COMPUTE_CAPABILITY))

    @property
    def pci_bus_id(self) -> str:
        """Where it is plugged in: the same GPU has the same one in every process."""
        return f"0000:{machine.gpu(self.id).physical + 1:02X}:00.0"

    @property
    def attributes(self) -> dict[str, int]:
        """What the driver knows of it, of which the double knows a little."""
        machine.gpu(self.id)
        return {
            "MultiProcessorCount": _limits.MULTIPROCESSORS,
            "MaxSharedMemoryPerBlock": _limits.SHARED_OF_BLOCK,
            "MaxSharedMemoryPerBlockOptin": _limits.SHARED_OF_BLOCK_AT_MOST,
            "MaxThreadsPerBlock": _limits.MOST_THREADS_OF_BLOCK,
            "WarpSize": 32,
        }


def _entered() -> list[int]:
    """Which devices this thread returns to when it leaves those it entered."""
    if not hasattr(_of_thread, "entered"):
        _of_thread.entered = []
    entered: list[int] = _of_thread.entered
    return entered


def get_device_id() -> int:
    """The device in use."""
    return machine.current
