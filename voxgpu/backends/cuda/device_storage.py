"""Device memory as a run sees it: resident images, uploads, and freeing under pressure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeGuard

from voxgpu.backends.base import FreeMemory
from voxgpu.backends.cuda.device import CudaDevice
from voxgpu.backends.cuda.registry import KERNELS
from voxgpu.backends.cuda.values import DeviceImage
from voxgpu.deferred import DeferredValue
from voxgpu.ids import ValueId
from voxgpu.image import Image
from voxgpu.optimize.step import BatchedStep, FusedStep, NodeStep, Step
from voxgpu.primitives.primitive import AccessPattern, Value
from voxgpu.primitives.source import CONSTANT
from voxgpu.store.session_cache import SessionCache


class GpuStorage:
    """The memory of one GPU."""

    def __init__(self, device: CudaDevice) -> None:
        self._device = device
        self._free_memory: FreeMemory | None = None
        device.memory.on_memory_pressure.append(self._freed)

    @property
    def budget(self) -> int:
        """Bytes that values may take on the device."""
        return self._device.memory.budget

    def is_async(self, step: Step) -> bool:
        """Returns whether a step only queues work; steps without a kernel run on the reference."""
        match step:
            case FusedStep() | BatchedStep():
                return True
            case NodeStep(_, node):
                if _is_scalar(step) and node.primitive is not CONSTANT:
                    return True
                return KERNELS.find(node.primitive) is not None
        return False

    def device_of(self, step: Step) -> str:
        """Returns this device, or ``cpu`` for steps without a kernel."""
        return f"cuda:{self._device.ordinal}" if self.is_async(step) else "cpu"

    def upload(self, step: Step, inputs: Mapping[ValueId, Value]) -> Mapping[ValueId, Value]:
        """Copy the images that are not on the device yet; returns those, as they are there."""
        if not self.is_async(step) or _is_scalar(step):
            return {}
        return {
            id: self._copied(value)
            for id, value in inputs.items()
            if isinstance(value, Image) and not self._is_resident(value)
        }

    def stage(self, value: Value) -> Value:
        """Returns an image in pinned memory, so that its upload does not stop anything."""
        if not isinstance(value, Image) or isinstance(value, DeferredValue):
            return value
        return Image(self._device.staged(value.array), value.grid)

    def attach_cache(self, cache: SessionCache) -> None:
        """Let cached values take half of the memory; they are the first to go."""
        cache.use_device(self.budget // 2)
        if cache.free_memory not in self._device.memory.on_memory_pressure:
            self._device.memory.on_memory_pressure.insert(0, cache.free_memory)

    def on_memory_pressure(self, free_memory: FreeMemory | None) -> None:
        """Set the function that spills values of the run where memory is short."""
        self._free_memory = free_memory

    def resident(self, value: Image) -> DeviceImage:
        """Returns an image on this device, copied there where it was not."""
        return value if self._is_resident(value) else self._copied(value)

    def _copied(self, value: Image) -> DeviceImage:
        if isinstance(value, DeviceImage):
            array, event = self._device.receive(value.array, value.device, value.event)
            return DeviceImage(
                array, value.grid, self._device, event, is_copied=True, sources=value.sources
            )
        array, event = self._device.upload(value.array)
        return DeviceImage(array, value.grid, self._device, event, is_copied=True)

    def _is_resident(self, value: Image) -> TypeGuard[DeviceImage]:
        return isinstance(value, DeviceImage) and value.device is self._device

    def _freed(self, size: int) -> bool:
        return self._free_memory is not None and self._free_memory(size)


class MultiGpuStorage:
    """The memory of several GPUs.

    parts  of each device
    of     the one that a step computes with
    """

    def __init__(self, parts: Sequence[GpuStorage], of: Callable[[Step], GpuStorage]) -> None:
        self._parts = parts
        self._of = of

    @property
    def budget(self) -> int:
        """Bytes that values may take on all devices."""
        return sum(each.budget for each in self._parts)

    def is_async(self, step: Step) -> bool:
        """The same as for one GPU."""
        return self._parts[0].is_async(step)

    def device_of(self, step: Step) -> str:
        """Returns the device that computes a step, or ``cpu``."""
        return self._of(step).device_of(step)

    def upload(self, step: Step, inputs: Mapping[ValueId, Value]) -> Mapping[ValueId, Value]:
        """Copy inputs to the device of the step."""
        return self._of(step).upload(step, inputs)

    def stage(self, value: Value) -> Value:
        """Returns an image in pinned memory, from which every device can copy it."""
        return self._parts[0].stage(value)

    def attach_cache(self, cache: SessionCache) -> None:
        """Let cached values stay on every device."""
        for each in self._parts:
            each.attach_cache(cache)

    def on_memory_pressure(self, free_memory: FreeMemory | None) -> None:
        """Set the function that every device asks for memory."""
        for each in self._parts:
            each.on_memory_pressure(free_memory)


def _is_scalar(step: Step) -> bool:
    return isinstance(step, NodeStep) and step.node.primitive.shape is AccessPattern.SCALAR
