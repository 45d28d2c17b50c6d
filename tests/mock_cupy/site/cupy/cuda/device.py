"""The current device of a thread."""

from __future__ import annotations

import threading

from cupy import _limits
from cupy._errors import INVALID_DEVICE, CUDARuntimeError
from cupy._machine import machine
from cupy.cuda import runtime

_of_thread = threading.local()


class Device:
    """A device of this process.

    device  its number, or a device; None: the current one
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
        """Makes it this thread's current device."""
        if self.id < 0:
            raise CUDARuntimeError(INVALID_DEVICE)
        machine.use(self.id)

    def synchronize(self) -> None:
        """Waits until all its work has run."""
        with self:
            runtime.deviceSynchronize()

    @property
    def mem_info(self) -> tuple[int, int]:
        """Free and total bytes."""
        with self:
            return runtime.memGetInfo()

    @property
    def compute_capability(self) -> str:
        """The compute capability, such as ``90``."""
        return "".join(map(str, machine.gpu(self.id).version))

    @property
    def pci_bus_id(self) -> str:
        """Its PCI address: the same GPU has the same one in every process."""
        return f"0000:{machine.gpu(self.id).physical + 1:02X}:00.0"

    @property
    def attributes(self) -> dict[str, int]:
        """The driver's attributes, of which the mock has a few."""
        machine.gpu(self.id)
        return {
            "MultiProcessorCount": _limits.MULTIPROCESSORS,
            "MaxSharedMemoryPerBlock": _limits.SHARED_OF_BLOCK,
            "MaxSharedMemoryPerBlockOptin": _limits.SHARED_OF_BLOCK_AT_MOST,
            "MaxThreadsPerBlock": _limits.MOST_THREADS_OF_BLOCK,
            "WarpSize": 32,
        }


def _entered() -> list[int]:
    """The devices to restore when this thread leaves those it entered."""
    if not hasattr(_of_thread, "entered"):
        _of_thread.entered = []
    entered: list[int] = _of_thread.entered
    return entered


def get_device_id() -> int:
    """The current device."""
    return machine.current
