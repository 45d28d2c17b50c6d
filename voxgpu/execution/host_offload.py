"""Where do values of a run wait that a device has no room for? In RAM, and then in files."""

from __future__ import annotations

from collections.abc import Callable

from voxgpu.deferred import DeferredError, DeferredValue
from voxgpu.execution.spill import SpillFolder
from voxgpu.ids import ValueId
from voxgpu.primitives.primitive import Value
from voxgpu.store.tiered_store import bytes_of


class HostOffload:
    """Values that are off the device until they are needed.

    ram    bytes of this machine's memory that they may take
    files  where they go beyond that
    """

    def __init__(self, ram: int, files: SpillFolder) -> None:
        self._left = ram
        self._files = files
        self._parked: dict[ValueId, Value] = {}
        #: How many values were taken.
        self.count = 0

    def put(self, id: ValueId, value: Value) -> bool:
        """Takes a value off the device; whether that went well."""
        try:
            moved: Value = value.fetch_pinned() if isinstance(value, DeferredValue) else value
        except DeferredError:
            return False  # there is no value: its goals will be told when they ask for it
        self.count += 1
        size = bytes_of(moved)
        if size > self._left:
            return self._files.put(id, moved)
        self._left -= size
        self._parked[id] = moved
        return True

    def get(self, id: ValueId) -> Value:
        """A value that was taken; raises Vanished where a file is gone."""
        return self._parked[id] if id in self._parked else self._files.get(id)

    def drop(self, id: ValueId) -> None:
        """Forgets a value."""
        if id in self._parked:
            self._left += bytes_of(self._parked.pop(id))
        else:
            self._files.drop(id)

    @property
    def settle(self) -> Callable[[], None]:
        """As for files."""
        return self._files.settle

    def close(self) -> None:
        """Forgets everything."""
        self._parked.clear()
        self._files.close()
