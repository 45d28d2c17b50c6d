"""The cache of a session: values for its next programs, on their device or in host memory.

Values evicted from a device move to host memory, from where one copy brings them back. Values
evicted from host memory are dropped: those worth keeping longer are on the disk already
(``policy.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from voxgpu.deferred import DeferredError, DeferredValue, is_deferred
from voxgpu.ids import ValueId
from voxgpu.primitives.primitive import Value
from voxgpu.store.cost_aware_cache import GreedyDualSizeCache
from voxgpu.store.tier import bytes_of


class SessionCache(Mapping[ValueId, Value]):
    """Values by id, on a device or in host memory.

    ram  bytes of host memory that values may take
    """

    def __init__(self, ram: int) -> None:
        self._ram = GreedyDualSizeCache(ram, bytes_of)
        self._device: GreedyDualSizeCache | None = None
        #: Numbers of values evicted from the device, and brought back to it.
        self.moved_off = self.moved_back = 0

    def use_device(self, budget: int) -> None:
        """Keep device values on the device from now on, within a budget in bytes."""
        if self._device is None:
            self._device = GreedyDualSizeCache(budget, bytes_of, self._move_off)

    @property
    def bytes(self) -> int:
        """Bytes of host memory that values take."""
        return self._ram.bytes

    def add(self, id: ValueId, value: Value, seconds: float) -> None:
        """Add a value, leaving it where it is; ``seconds`` is its recompute time."""
        if self._device is not None and isinstance(value, DeferredValue):
            self._device.add(id, value, seconds)
        else:
            self._ram.add(id, value, seconds)

    def replace(self, id: ValueId, value: Value) -> None:
        """Record that a cached value was copied to the device, where it stays."""
        if self._device is not None and id in self._ram and id not in self._device:
            self.moved_back += 1
            self._device.add(id, value, self._ram.drop(id))

    def free_memory(self, size: int) -> bool:
        """Evict ``size`` bytes of values from the device; returns whether any were."""
        if self._device is None:
            return False
        before = self._device.bytes
        self._device.shrink(max(0, before - size))
        return self._device.bytes < before

    def forget_device(self) -> None:
        """Remove the values that are on a device, which was lost."""
        if self._device is not None:
            self._device.clear()
        for id in [id for id in self._ram if is_deferred(self._ram[id])]:
            self._ram.drop(id)

    def clear(self) -> None:
        """Remove everything."""
        self._ram.clear()
        if self._device is not None:
            self._device.clear()

    def __getitem__(self, id: ValueId) -> Value:
        if self._device is not None and id in self._device:
            return self._device[id]
        return self._ram[id]

    def __contains__(self, id: object) -> bool:
        return (self._device is not None and id in self._device) or id in self._ram

    def __iter__(self) -> Iterator[ValueId]:
        if self._device is not None:
            yield from self._device
        yield from (id for id in self._ram if self._device is None or id not in self._device)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _move_off(self, id: ValueId, value: Value, seconds: float) -> None:
        assert isinstance(value, DeferredValue)
        self.moved_off += 1
        try:
            self._ram.add(id, value.fetch_pinned(), seconds)
        except DeferredError:
            return  # the value turned out to be undefined
