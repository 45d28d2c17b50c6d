"""What is there to do for a backend whose values are in this machine's memory? Nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from voxgpu.ids import ValueId
from voxgpu.optimize.schedule import Schedule
from voxgpu.optimize.step import Step
from voxgpu.primitives.primitive import Value
from voxgpu.store.kept import Kept


class OnHost:
    """Computes with arrays where they are, when it is asked to."""

    def prepare(self, schedule: Schedule) -> None:
        """Needs no preparation."""

    def queues(self, step: Step) -> bool:
        """Performing a step computes it."""
        return False

    def taken(self, step: Step, inputs: Mapping[ValueId, Value]) -> Mapping[ValueId, Value]:
        """Nothing has to be brought anywhere."""
        return {}

    def received(self, value: Value) -> Value:
        """The value as it is."""
        return value

    #: Values are in this machine's memory.
    budget: int | None = None

    def use_kept(self, kept: Kept) -> None:
        """What is kept is in this machine's memory, too."""

    def use_relief(self, relieve: Callable[[int], bool]) -> None:
        """Memory is the run's affair."""
