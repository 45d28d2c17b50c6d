"""Which values outlive the run of a part of a program? Those used last, within a budget."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping

from voxgpu.ids import ValueId
from voxgpu.image import Image
from voxgpu.primitives.primitive import Value


class Kept(Mapping[ValueId, Value]):
    """Values by id. What was not used for longest goes first once they take too much memory.

    budget  bytes that images may take; numbers, strings and sequences of them count as nothing
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._values: OrderedDict[ValueId, Value] = OrderedDict()
        self._bytes = 0

    def __getitem__(self, id: ValueId) -> Value:
        self._values.move_to_end(id)
        return self._values[id]

    def __contains__(self, id: object) -> bool:
        return id in self._values

    def __iter__(self) -> Iterator[ValueId]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def keep(self, id: ValueId, value: Value, seconds: float) -> None:
        """Keeps a value as long as there is room for it."""
        if id in self._values:
            return
        self._values[id] = value
        self._bytes += _bytes(value)
        while self._bytes > self._budget:
            _, oldest = self._values.popitem(last=False)
            self._bytes -= _bytes(oldest)

    def clear(self) -> None:
        """Forgets everything."""
        self._values.clear()
        self._bytes = 0


def _bytes(value: Value) -> int:
    return value.array.nbytes if isinstance(value, Image) else 0
