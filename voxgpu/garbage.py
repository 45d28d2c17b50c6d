"""Python's search for cyclic garbage, held back while programs are compiled and run.

Compiling and running make many objects that stay and hardly any cycles: searching all of them again
and again took a third of the time of 100 000 nodes.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from time import perf_counter

from voxgpu.forking import call_in_child, hold_while_forking

#: Bytes of results after which cycles among young objects are freed: each may hold an image.
YOUNG_BYTES = 1 << 30

#: Least seconds between two searches of all objects, and how many times as long as the last search
#: they are apart at least: a search takes no more than a twentieth of a run.
LEAST_SECONDS, TIMES_ITS_LENGTH = 2.0, 20

_LOCK = RLock()
hold_while_forking(_LOCK)


class _Collector:
    """Whether Python searches by itself, and what holds that back, in any thread."""

    def __init__(self) -> None:
        self.holders: set[int] = set()
        self.was_enabled = False

    def release_all(self) -> None:
        """Searches again in a forked process, in which nobody holds it back."""
        self.holders.clear()
        if self.was_enabled:
            gc.enable()


_COLLECTOR = _Collector()
call_in_child(_COLLECTOR.release_all)


class Garbage:
    """What a run leaves behind, searched rarely enough to cost little, and often enough to end."""

    def __init__(self) -> None:
        self._bytes = 0
        self._next = perf_counter() + LEAST_SECONDS

    def note(self, made: int) -> None:
        """Notes that values of so many bytes were made; frees cycles where that is due.

        Does nothing where the caller of voxgpu has disabled the search for garbage.
        """
        self._bytes += made
        now = perf_counter()
        if now < self._next and self._bytes < YOUNG_BYTES:
            return
        if not _COLLECTOR.was_enabled:
            return
        self._bytes = 0
        if now < self._next:
            gc.collect(0)
            return
        gc.collect()
        took = perf_counter() - now
        self._next = now + took + max(LEAST_SECONDS, TIMES_ITS_LENGTH * took)


@contextmanager
def held_back() -> Iterator[Garbage]:
    """Holds back the search for cyclic garbage, until all who do so have ended, in any thread."""
    garbage = Garbage()
    with _LOCK:
        if not _COLLECTOR.holders:
            _COLLECTOR.was_enabled = gc.isenabled()
            gc.disable()
        _COLLECTOR.holders.add(id(garbage))
    try:
        yield garbage
    finally:
        with _LOCK:
            if id(garbage) in _COLLECTOR.holders:
                _COLLECTOR.holders.remove(id(garbage))
                if not _COLLECTOR.holders and _COLLECTOR.was_enabled:
                    gc.enable()
