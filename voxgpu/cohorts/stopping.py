"""The wish to end a run early, with time for what has begun."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event


class Stopping:
    """Whether a run is to end: no case begins any more, those that run have some seconds.

    grace  the seconds
    """

    def __init__(self, grace: float = 0.0) -> None:
        self._grace = grace
        self._asked = Event()
        self._end = 0.0
        self._listeners: list[Callable[[], object]] = []

    def ask(self) -> None:
        """Asks the run to end; from any thread."""
        self._end = time.monotonic() + self._grace
        self._asked.set()
        for each in self._listeners:
            each()

    def tell(self, listener: Callable[[], object]) -> None:
        """Has ``listener`` called, on any thread, when the run is asked to end."""
        self._listeners.append(listener)

    @property
    def is_asked(self) -> bool:
        """Whether no further case may begin."""
        return self._asked.is_set()

    @property
    def is_over(self) -> bool:
        """Whether cases that run are to be dropped."""
        return self.is_asked and time.monotonic() >= self._end
