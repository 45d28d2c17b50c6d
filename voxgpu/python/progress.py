"""How far is a run?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voxgpu.execution.events import Event


@dataclass(frozen=True, slots=True)
class Progress:
    """A step begins.

    step   its name
    done   how many values are there
    total  how many there will be, as far as is known
    """

    step: str
    done: int
    total: int


class Watching:
    """Passes on to whoever watches the present run how far it is."""

    def __init__(self) -> None:
        self._tell: Callable[[Progress], None] | None = None
        self._done = self._total = 0

    @contextmanager
    def told(self, tell: Callable[[Progress], None] | None) -> Iterator[None]:
        """While a program runs, its progress goes to ``tell``."""
        self._tell, self._done, self._total = tell, 0, 0
        try:
            yield
        finally:
            self._tell = None

    def expect(self, nodes: int) -> None:
        """So many more values are needed."""
        self._total += nodes

    def observe(self, event: Event) -> None:
        """An event of the run; what ``tell`` raises ends the run."""
        if self._tell is None:
            return
        from voxgpu.execution.events import Finished, Started

        if isinstance(event, Started):
            total = max(self._total, self._done + 1)
            self._tell(Progress(event.task.name, self._done, total))
        elif isinstance(event, Finished):
            self._done += len(event.task.nodes)
