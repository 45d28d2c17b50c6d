"""The values of a run that are still needed, in memory or spilled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Protocol

from voxgpu.ids import ValueId
from voxgpu.optimize.schedule import Schedule
from voxgpu.primitives.primitive import Value
from voxgpu.store.tier import bytes_of
from voxgpu.types import ImageOf


class Spill(Protocol):
    """Storage for values that do not fit into memory."""

    def put(self, id: ValueId, value: Value) -> bool:
        """Stores a value; returns whether it succeeded."""

    def get(self, id: ValueId) -> Value:
        """Returns a stored value; raises MissingValue."""

    def drop(self, id: ValueId) -> None:
        """Drops a stored value."""

    @property
    def trim(self) -> Callable[[], None]:
        """A function to call after values were stored and dropped."""


class Workspace:
    """The values of a run, with their remaining number of uses.

    A use is a task that takes the value, or a goal. Values are released exactly after their last
    use. The value whose next use is latest in the schedule is spilled first.

    values  the values that are there at first, which become the workspace's own
    spill   storage for values that do not fit; None: nothing is spilled
    """

    def __init__(
        self,
        schedule: Schedule,
        values: dict[ValueId, Value],
        spill: Spill | None = None,
    ) -> None:
        self._schedule = schedule
        self._values = values
        self._spill = spill
        self._spilled: set[ValueId] = set()
        self._next_uses: dict[ValueId, list[int]] | None = None
        #: Memory of the images in bytes.
        self.bytes = sum(map(bytes_of, self._values.values()))
        self._uses = Counter(goal.value for goal in schedule.goals)
        for task in schedule.tasks:
            self._uses.update(task.inputs)

    def __contains__(self, id: object) -> bool:
        return id in self._values or id in self._spilled

    def __len__(self) -> int:
        return len(self._values) + len(self._spilled)

    @property
    def in_memory(self) -> Mapping[ValueId, Value]:
        """The values that are not spilled."""
        return self._values

    def add(self, id: ValueId, value: Value) -> None:
        """Adds a value until its last use."""
        self._values[id] = value
        self.bytes += bytes_of(value)

    def replace(self, id: ValueId, value: Value) -> None:
        """Replaces a value by an equal one in another memory."""
        self.bytes += bytes_of(value) - bytes_of(self._values[id])
        self._values[id] = value

    def get(self, id: ValueId) -> Value:
        """Returns a value of the workspace. Raises MissingValue if it was spilled and is lost."""
        if id in self._spilled:
            assert self._spill is not None
            self._spilled.discard(id)
            self.add(id, self._spill.get(id))
            self._spill.drop(id)
        return self._values[id]

    def used(self, id: ValueId) -> bool:
        """Counts one use; returns whether it was the last and the value was released."""
        self._uses[id] -= 1
        if self._next_uses is not None and self._next_uses.get(id):
            self._next_uses[id].pop()
        if self._uses[id]:
            return False
        if id in self._spilled:
            assert self._spill is not None
            self._spilled.discard(id)
            self._spill.drop(id)
            return True
        value = self._values.pop(id, None)
        if value is not None:
            self.bytes -= bytes_of(value)
        return value is not None

    def spilled_bytes(self, ids: Iterable[ValueId]) -> int:
        """Returns the memory that the spilled ones among these values will take."""
        if not self._spilled:
            return 0
        types = self._schedule.plan.types
        found = (types[id] for id in set(ids) & self._spilled)
        return sum(kind.bytes for kind in found if isinstance(kind, ImageOf))

    def fit(self, limit: int, needed: Collection[ValueId]) -> None:
        """Spills until values take at most ``limit`` bytes, or only needed ones remain."""
        if self._spill is None or self.bytes <= limit:
            return
        order = sorted(
            (id for id, value in self._values.items() if bytes_of(value) and id not in needed),
            key=self._next_use,
        )
        while order and self.bytes > limit:
            id = order.pop()
            if not self._spill.put(id, self._values[id]):
                break
            self.bytes -= bytes_of(self._values.pop(id))
            self._spilled.add(id)
        self._spill.trim()

    def _next_use(self, id: ValueId) -> int:
        """Returns the schedule position of the next use of a value."""
        if self._next_uses is None:
            self._next_uses = _places_of_uses(self._schedule, self._uses)
        places = self._next_uses.get(id)
        return places[-1] if places else len(self._schedule.tasks)


def _places_of_uses(
    schedule: Schedule, remaining: Mapping[ValueId, int]
) -> dict[ValueId, list[int]]:
    """Returns the positions of each value's remaining uses in the schedule, the next one last."""
    places: dict[ValueId, list[int]] = {}
    made: dict[ValueId, int] = {}
    for place, task in enumerate(schedule.tasks):
        made.update(dict.fromkeys(task.outputs, place))
        for id in task.inputs:
            places.setdefault(id, []).append(place)
    delivered = 0
    for goal in schedule.goals:
        delivered = max(delivered, made.get(goal.value, 0))
        places.setdefault(goal.value, []).append(delivered)
    for id, uses in places.items():
        uses.sort(reverse=True)
        del uses[remaining[id] :]
    return places
