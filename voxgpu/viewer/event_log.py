"""Events of a run, kept so that each page can follow them from the start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from threading import Lock
from typing import Any

from voxgpu.frozen import frozen


@frozen
class LoggedEvent:
    """An event, with its number from 1."""

    number: int
    kind: str
    data: Mapping[str, Any]


class EventLog:
    """Events in order. Any thread may add one; every follower gets all of them."""

    def __init__(self) -> None:
        self._events: list[LoggedEvent] = []
        self._is_ended = False
        self._lock = Lock()
        self._followers: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    @property
    def events(self) -> list[LoggedEvent]:
        """The events so far."""
        with self._lock:
            return list(self._events)

    @property
    def is_ended(self) -> bool:
        """Whether no event follows."""
        return self._is_ended

    def add(self, kind: str, data: Mapping[str, Any], is_last: bool = False) -> None:
        """Add an event, unless the last one has been added."""
        with self._lock:
            if self._is_ended:
                return
            self._is_ended = is_last
            self._events.append(LoggedEvent(len(self._events) + 1, kind, data))
            followers = list(self._followers.items())
        for waiting, loop in followers:
            if not loop.is_closed():
                loop.call_soon_threadsafe(waiting.set)

    async def follow(self, after: int = 0) -> AsyncIterator[LoggedEvent | None]:
        """Yield the events after a number, and those to come; None where none came for a while."""
        waiting = asyncio.Event()
        with self._lock:
            self._followers[waiting] = asyncio.get_running_loop()
        place = max(0, after)
        try:
            while True:
                waiting.clear()
                with self._lock:
                    new, is_ended = self._events[place:], self._is_ended
                for each in new:
                    yield each
                place += len(new)
                if is_ended:
                    return
                try:
                    await asyncio.wait_for(waiting.wait(), _QUIET)
                except TimeoutError:
                    yield None
        finally:
            with self._lock:
                del self._followers[waiting]


#: Seconds after which a follower is told that the log is still there.
_QUIET = 15.0
