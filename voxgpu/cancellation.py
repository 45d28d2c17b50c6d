"""Cooperative cancellation of long-running work.

A run has an event. Its work, on any thread, checks the event between pieces and from the progress
callbacks of filters.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Cancelled(Exception):
    """Raised in work whose result is no longer wanted."""


_HERE = threading.local()

#: Set once the process is about to exit.
_ENDING = threading.Event()

_ENDED_BY: dict[Callable[[], object], None] = {}


@contextmanager
def cancelled_by(event: threading.Event | None) -> Iterator[None]:
    """Makes this thread's work in the ``with`` block cancellable by the event."""
    before = current()
    _HERE.event = event
    try:
        yield
    finally:
        _HERE.event = before


def current() -> threading.Event | None:
    """Returns the event that cancels this thread's work, or None."""
    event: threading.Event | None = getattr(_HERE, "event", None)
    return event


def is_wanted() -> bool:
    """Returns whether this thread's work is still wanted."""
    event = current()
    return not (_ENDING.is_set() or (event is not None and event.is_set()))


def raise_if_cancelled() -> None:
    """Raises Cancelled if this thread's work is no longer wanted."""
    if not is_wanted():
        raise Cancelled("it was interrupted")


@contextmanager
def ended_by(function: Callable[[], object]) -> Iterator[None]:
    """Registers a function that ends the work in the ``with`` block, such as another process.

    It is called when the process is about to exit, possibly on another thread.
    """
    _ENDED_BY[function] = None
    try:
        if _ENDING.is_set():
            function()
        yield
    finally:
        del _ENDED_BY[function]


def stop_everything() -> None:
    """Cancels all work in this process, which is about to exit."""
    _ENDING.set()
    for function in list(_ENDED_BY):
        function()
