"""Which values stay in a memory that is too small for all? One class, for RAM and for devices.

What goes first has the least seconds of computing for each byte, and was not used for longest: the
greedy-dual-size rule (Cao and Irani, "Cost-Aware WWW Proxy Caching Algorithms", 1997). A value's
rank is what its bytes are worth, on top of a floor that rises to the rank of whatever was driven
out last, so that what is not used sinks in comparison.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator, Mapping

from voxgpu.ids import ValueId
from voxgpu.primitives.primitive import Value

#: Is told what was driven out: the value, and the seconds that it takes to compute it again.
Spill = Callable[[ValueId, Value, float], None]


def forget(id: ValueId, value: Value, seconds: float) -> None:
    """Lets a value go."""


class GreedyDualSizeCache(Mapping[ValueId, Value]):
    """Values by id, within a budget.

    budget  bytes that values may take
    size    bytes that a value takes here; values of 0 bytes are never driven out
    spill   where values that are driven out go to
    """

    def __init__(self, budget: int, size: Callable[[Value], int], spill: Spill = forget) -> None:
        self._budget = budget
        self._size = size
        self._spill = spill
        self._values: dict[ValueId, Value] = {}
        self._seconds: dict[ValueId, float] = {}
        self._ranks: dict[ValueId, float] = {}
        self._order: list[tuple[float, int, ValueId]] = []
        self._entries = itertools.count()
        self._floor = 0.0
        #: Bytes that all values take.
        self.bytes = 0

    def __getitem__(self, id: ValueId) -> Value:
        value = self._values[id]
        self._rank(id, value)
        return value

    def __contains__(self, id: object) -> bool:
        return id in self._values

    def __iter__(self) -> Iterator[ValueId]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def add(self, id: ValueId, value: Value, seconds: float = 0.0) -> None:
        """Keeps a value, for which others may have to go; one that is too large is spilled."""
        if id in self._values:
            return
        if self._size(value) > self._budget:
            self._spill(id, value, seconds)
            return
        self._values[id] = value
        self._seconds[id] = seconds
        self.bytes += self._size(value)
        self._rank(id, value)
        self.shrink(self._budget)

    def drop(self, id: ValueId) -> float:
        """Lets go of a value, which is not spilled; the seconds that computing it again takes."""
        value = self._values.pop(id)
        self._ranks.pop(id, None)
        self.bytes -= self._size(value)
        return self._seconds.pop(id)

    def shrink(self, most: int) -> None:
        """Drives values out until the others take at most so many bytes."""
        while self.bytes > most and self._order:
            rank, _, id = heapq.heappop(self._order)
            if self._ranks.get(id) != rank:
                continue  # it was used since, and stands elsewhere, too
            self._floor = rank
            self._drop(id)

    def clear(self) -> None:
        """Forgets everything; nothing is spilled."""
        for held in (self._values, self._seconds, self._ranks, self._order):
            held.clear()
        self.bytes = 0

    def _drop(self, id: ValueId) -> None:
        value = self._values[id]
        self._spill(id, value, self.drop(id))

    def _rank(self, id: ValueId, value: Value) -> None:
        size = self._size(value)
        if not size:
            return
        rank = self._floor + (self._seconds[id] + 1e-4) / size
        # The same rank twice would leave an old entry that looks like the new one.
        if self._ranks.get(id) != rank:
            self._ranks[id] = rank
            heapq.heappush(self._order, (rank, next(self._entries), id))
