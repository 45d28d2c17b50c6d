"""Progress of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from voxgpu.frozen import frozen

if TYPE_CHECKING:
    from voxgpu.execution.events import Event


@frozen(slots=True)
class Progress:
    """The start of a step.

    step   its name
    done   number of values computed so far
    total  number of values expected so far
    """

    step: str
    done: int
    total: int


class Watching:
    """Passes the progress of the current run to an observer."""

    def __init__(self) -> None:
        self._tell: Callable[[Progress], None] | None = None
        self._done = self._total = 0

    @contextmanager
    def reported_to(self, tell: Callable[[Progress], None] | None) -> Iterator[None]:
        """Report the progress of a program to ``tell`` while it runs."""
        self._tell, self._done, self._total = tell, 0, 0
        try:
            yield
        finally:
            self._tell = None

    def expect(self, nodes: int) -> None:
        """Increase the number of values that are expected."""
        self._total += nodes

    def observe(self, event: Event) -> None:
        """Handle an event of the run; an exception from ``tell`` ends the run."""
        if self._tell is None:
            return
        from voxgpu.execution.events import Finished, Started

        if isinstance(event, Started):
            total = max(self._total, self._done + 1)
            self._tell(Progress(event.task.name, self._done, total))
        elif isinstance(event, Finished):
            self._done += len(event.task.nodes)
