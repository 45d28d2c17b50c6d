"""What is left of a sequence of which items failed? The others, for goals that take it so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from voxgpu.deferred import DeferredError, fetched
from voxgpu.execution.workspace import Workspace
from voxgpu.ids import ValueId
from voxgpu.optimize.step import Step, is_sequence
from voxgpu.plan.missing_items import Gap


class Rows:
    """The sequences of a run that lack items; ``failed`` says what failed, and grows."""

    def __init__(
        self, workspace: Workspace, failed: Mapping[ValueId, tuple[ValueId, Exception]]
    ) -> None:
        self._workspace = workspace
        self._failed = failed
        self._rows: dict[ValueId, tuple[Any, ...]] = {}

    def __contains__(self, id: ValueId) -> bool:
        return id in self._rows

    def __getitem__(self, id: ValueId) -> tuple[Any, ...]:
        return self._rows[id]

    def is_open(self, step: Step) -> bool:
        """Whether it makes a sequence of which some items may still come."""
        if not is_sequence(step):
            return False
        return not all(id in self._workspace or id in self._failed for id in step.inputs)

    def fill(self, step: Step) -> None:
        """Keep what there is of a sequence, with gaps for what failed. Raises MissingValue."""
        if is_sequence(step):
            self._rows[step.id] = tuple(map(self._item, step.inputs))

    def _item(self, id: ValueId) -> Any:
        if id in self._rows:
            return self._rows[id]
        if id in self._failed:
            return Gap(*self._failed[id])
        return brought(self._workspace.get(id))


def brought(value: Any) -> Any:
    """A value in this machine's memory, with gaps for what turned out not to exist."""
    if isinstance(value, tuple):
        return tuple(map(brought, value))
    try:
        return fetched(value)
    except DeferredError as late:
        return Gap(ValueId(late.id), late.error)
