"""Which results of this run are there? Those with uses left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from voxgpu.ids import ValueId
from voxgpu.image import Image
from voxgpu.optimize.schedule import Schedule
from voxgpu.primitives.primitive import Value


class Workspace:
    """The values of a run, counted by their remaining uses.

    A use is a task that takes the value, or a goal. Nothing is dropped before its last use, and
    nothing is kept after it.
    """

    def __init__(self, schedule: Schedule, given: Mapping[ValueId, Value]) -> None:
        self._values: dict[ValueId, Value] = dict(given)
        #: Memory that the images take.
        self.bytes = sum(map(_bytes, self._values.values()))
        self._uses = Counter(goal.value for goal in schedule.goals)
        for task in schedule.tasks:
            self._uses.update(task.inputs)

    def __contains__(self, id: ValueId) -> bool:
        return id in self._values

    def __len__(self) -> int:
        return len(self._values)

    def add(self, id: ValueId, value: Value) -> None:
        """Keeps a value until its last use."""
        self._values[id] = value
        self.bytes += _bytes(value)

    def get(self, id: ValueId) -> Value:
        """The value; it must be there."""
        return self._values[id]

    def used(self, id: ValueId) -> bool:
        """Counts one use off; whether the value was dropped because that was the last."""
        self._uses[id] -= 1
        if self._uses[id]:
            return False
        value = self._values.pop(id, None)
        if value is not None:
            self.bytes -= _bytes(value)
        return value is not None


def _bytes(value: Value) -> int:
    return value.array.nbytes if isinstance(value, Image) else 0
