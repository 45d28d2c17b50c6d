"""Sequences with failed items, for goals that accept the remaining items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from voxgpu.deferred import DeferredError, fetched
from voxgpu.execution.workspace import Workspace
from voxgpu.ids import ValueId
from voxgpu.optimize.step import Step, is_sequence
from voxgpu.plan.missing_items import Gap


class Rows:
    """The incomplete sequences of a run; ``failed`` maps failed values to errors, and grows."""

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

    def fill(self, step: Step) -> None:
        """Stores a sequence with gaps for failed items. Raises MissingValue."""
        if is_sequence(step):
            self._rows[step.id] = tuple(map(self._item, step.inputs))

    def _item(self, id: ValueId) -> Any:
        if id in self._rows:
            return self._rows[id]
        if id in self._failed:
            return Gap(*self._failed[id])
        return brought(self._workspace.get(id))


def brought(value: Any) -> Any:
    """Returns a value in host memory, with gaps for items that turn out to be undefined."""
    if isinstance(value, tuple):
        return tuple(map(brought, value))
    try:
        return fetched(value)
    except DeferredError as late:
        return Gap(ValueId(late.id), late.error)
