"""How does work that takes long learn that nobody wants it any more?

A run has an event, and what it does on any thread asks whether that is set: between pieces, or when
a filter tells of its progress.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Cancelled(Exception):
    """What was computed or written is not wanted any more, and was given up."""


_HERE = threading.local()

#: Set once the process is going to end.
_ENDING = threading.Event()

_ENDED_BY: dict[Callable[[], object], None] = {}


@contextmanager
def cancelled_by(event: threading.Event | None) -> Iterator[None]:
    """What this thread does within is wanted until the event is set."""
    before = current()
    _HERE.event = event
    try:
        yield
    finally:
        _HERE.event = before


def current() -> threading.Event | None:
    """The event that ends what this thread does; None: there is none."""
    event: threading.Event | None = getattr(_HERE, "event", None)
    return event


def is_wanted() -> bool:
    """Whether what this thread does is still wanted."""
    event = current()
    return not (_ENDING.is_set() or (event is not None and event.is_set()))


def raise_if_cancelled() -> None:
    """Raises Stopped where what this thread does is not wanted any more."""
    if not is_wanted():
        raise Cancelled("it was interrupted")


@contextmanager
def ended_by(function: Callable[[], object]) -> Iterator[None]:
    """A function ends what is done within, such as another process; it may be called on any thread.

    It is called once this process is going to end.
    """
    _ENDED_BY[function] = None
    try:
        if _ENDING.is_set():
            function()
        yield
    finally:
        del _ENDED_BY[function]


def stop_everything() -> None:
    """Tells all that is done in this process that it is going to end."""
    _ENDING.set()
    for function in list(_ENDED_BY):
        function()
