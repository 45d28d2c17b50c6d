"""Offloading of a device's values to host memory and, beyond a limit, to files."""

from __future__ import annotations

from collections.abc import Callable

from voxgpu.deferred import DeferredError, DeferredValue
from voxgpu.execution.spill import SpillFolder
from voxgpu.ids import ValueId
from voxgpu.primitives.primitive import Value
from voxgpu.store.tier import bytes_of


class HostOffload:
    """Values offloaded from a device until they are needed.

    ram    bytes of host memory that they may take
    files  where values go beyond that
    """

    def __init__(self, ram: int, files: SpillFolder) -> None:
        self._left = ram
        self._files = files
        self._parked: dict[ValueId, Value] = {}
        #: How many values were offloaded.
        self.count = 0

    def put(self, id: ValueId, value: Value) -> bool:
        """Offloads a value; returns whether it succeeded."""
        try:
            moved: Value = value.fetch_pinned() if isinstance(value, DeferredValue) else value
        except DeferredError:
            return False  # the value is undefined, which its goals will report on fetching it
        self.count += 1
        size = bytes_of(moved)
        if size > self._left:
            return self._files.put(id, moved)
        self._left -= size
        self._parked[id] = moved
        return True

    def get(self, id: ValueId) -> Value:
        """Returns an offloaded value; raises MissingValue if its file is gone."""
        return self._parked[id] if id in self._parked else self._files.get(id)

    def drop(self, id: ValueId) -> None:
        """Drops a value."""
        if id in self._parked:
            self._left += bytes_of(self._parked.pop(id))
        else:
            self._files.drop(id)

    @property
    def trim(self) -> Callable[[], None]:
        """The function to call after values were written, as for files."""
        return self._files.trim

    def close(self) -> None:
        """Drops all values."""
        self._parked.clear()
        self._files.close()
