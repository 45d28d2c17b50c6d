"""Streams and events with CuPy's interface, on top of lazy queues."""

from __future__ import annotations

import threading
import time
from typing import Any

from cupy._errors import INVALID_HANDLE, INVALID_VALUE, NOT_READY, CUDARuntimeError, explained
from cupy._machine import Mark, machine
from cupy._queues import Queue, complete

#: Polling a real device succeeds eventually; here it does after this many calls.
_PATIENCE = 100

_of_thread = threading.local()


class Event:
    """A point in a stream."""

    def __init__(
        self, block: bool = False, disable_timing: bool = False, interprocess: bool = False
    ) -> None:
        if interprocess and not disable_timing:
            raise ValueError("Timing must be disabled for interprocess events")
        self.ptr = id(self)
        self._ordinal = machine.current
        self._is_timed = not disable_timing
        self._mark: Mark | None = None
        self._time = 0.0
        self._questions = 0

    @property
    def done(self) -> bool:
        """Whether all preceding work has run; pure polling takes many calls."""
        if self._mark is None or self._mark.work.is_done:
            return True
        self._questions += 1
        if self._questions > _PATIENCE:
            with machine.turn:
                complete(self._mark.work)
            return True
        return False

    def record(self, stream: Stream | None = None) -> None:
        """Places it after all work queued on a stream; None: the current one."""
        with machine.turn:
            queue = (stream or get_current_stream())._queue()
            if queue.ordinal != self._ordinal:
                raise explained(CUDARuntimeError(INVALID_HANDLE), "an event of another device")
            self._questions = 0
            self._mark = machine.mark(queue, "an event", self._now)

    def synchronize(self) -> None:
        """Waits until all preceding work has run."""
        with machine.turn:
            machine.wait(self._mark.work if self._mark else None)

    def _now(self) -> None:
        self._time = time.perf_counter()

    def _milliseconds(self) -> float:
        if self._mark is None or not self._is_timed:
            raise CUDARuntimeError(INVALID_HANDLE)
        if not self._mark.work.is_done:
            raise CUDARuntimeError(NOT_READY)
        return self._time * 1000


def get_elapsed_time(start_event: Event, end_event: Event) -> float:
    """Milliseconds between two completed events."""
    return end_event._milliseconds() - start_event._milliseconds()


class Stream:
    """A queue of a device.

    null          the default stream of the current device
    non_blocking  it and the null stream do not wait for each other
    """

    null: Stream

    def __init__(
        self,
        null: bool = False,
        non_blocking: bool = False,
        ptds: bool = False,
        priority: int | None = None,
    ) -> None:
        self.ptr = 0
        self.device_id = -1
        if ptds:
            raise explained(CUDARuntimeError(INVALID_VALUE), "the double has no streams of threads")
        if not null:
            with machine.turn:
                queue = machine.open_queue(is_blocking=not non_blocking)
            self.ptr, self.device_id = queue.pointer, queue.ordinal

    def __del__(self) -> None:
        pointer = getattr(self, "ptr", 0)
        if pointer:
            machine.turn.later(lambda: machine.close_queue(pointer))

    def __repr__(self) -> str:
        return f"<Stream {self.ptr} (device {self.device_id})>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and self.ptr == other.ptr

    def __hash__(self) -> int:
        return self.ptr

    def __enter__(self) -> Stream:
        ordinal = self._matching()
        _entered().append((ordinal, _current().get(ordinal, Stream.null)))
        _current()[ordinal] = self
        return self

    def __exit__(self, *args: Any) -> None:
        ordinal, before = _entered().pop()
        _current()[ordinal] = before

    def use(self) -> Stream:
        """Makes it the current stream of its device, for this thread."""
        _current()[self._matching()] = self
        return self

    @property
    def done(self) -> bool:
        """Whether no work is left."""
        return self._queue().last is None

    def synchronize(self) -> None:
        """Waits until all queued work has run."""
        with machine.turn:
            machine.wait(self._queue().last)

    def record(self, event: Event | None = None) -> Event:
        """An event after all work queued so far."""
        recorded = Event() if event is None else event
        recorded.record(self)
        return recorded

    def wait_event(self, event: Event) -> None:
        """Orders all work queued from now on after an event."""
        with machine.turn:
            if event._mark is not None:
                machine.follow(self._queue(), event._mark)

    def _queue(self) -> Queue:
        return machine.queue(self.ptr)

    def _matching(self) -> int:
        here = machine.current
        if self.device_id not in (-1, here):
            raise RuntimeError(
                f"The device that the stream is created on ({self.device_id}) does not match with "
                f"the current device ({here})"
            )
        return here


Stream.null = Stream(null=True)


def get_current_stream(device_id: int = -1) -> Stream:
    """The stream on which this thread queues by default."""
    return _current().get(machine.current if device_id == -1 else device_id, Stream.null)


def queue_of(stream: Stream | None) -> Queue:
    """The queue for a given stream, or the current one."""
    return (stream or get_current_stream())._queue()


def _current() -> dict[int, Stream]:
    if not hasattr(_of_thread, "current"):
        _of_thread.current = {}
    current: dict[int, Stream] = _of_thread.current
    return current


def _entered() -> list[tuple[int, Stream]]:
    if not hasattr(_of_thread, "entered"):
        _of_thread.entered = []
    entered: list[tuple[int, Stream]] = _of_thread.entered
    return entered
