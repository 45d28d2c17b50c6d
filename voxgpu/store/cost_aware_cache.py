"""A cache with cost-aware eviction, used for host memory and for devices.

It evicts the values with the least recompute time per byte that were not used for longest: the
GreedyDual-Size algorithm (Cao and Irani, "Cost-Aware WWW Proxy Caching Algorithms", 1997). The rank
of a value is its recompute time per byte plus a floor, which rises to the rank of the value evicted
last, so that unused values sink relative to others.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator, Mapping

from voxgpu.ids import ValueId
from voxgpu.primitives.primitive import Value

#: Called with each evicted value and the seconds that recomputing it takes.
Spill = Callable[[ValueId, Value, float], None]


def forget(id: ValueId, value: Value, seconds: float) -> None:
    """Discard an evicted value."""


class GreedyDualSizeCache(Mapping[ValueId, Value]):
    """Values by id, within a budget.

    budget  bytes that values may take
    size    function that returns the bytes of a value; values of 0 bytes are never evicted
    spill   receives the evicted values
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
        #: Bytes of all values.
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
        """Add a value, evicting others if necessary; a value larger than the budget is spilled."""
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
        """Remove a value without spilling it; returns the seconds that recomputing it takes."""
        value = self._values.pop(id)
        self._ranks.pop(id, None)
        self.bytes -= self._size(value)
        return self._seconds.pop(id)

    def shrink(self, limit: int) -> None:
        """Evict values until the others take at most this many bytes."""
        while self.bytes > limit and self._order:
            rank, _, id = heapq.heappop(self._order)
            if self._ranks.get(id) != rank:
                continue  # an outdated entry: the value was used since
            self._floor = rank
            self._drop(id)

    def clear(self) -> None:
        """Remove everything without spilling."""
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
        # An equal rank would make an outdated entry look current.
        if self._ranks.get(id) != rank:
            self._ranks[id] = rank
            heapq.heappush(self._order, (rank, next(self._entries), id))
