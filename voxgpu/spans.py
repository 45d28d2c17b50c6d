"""Spans of time in which a thread did something, recorded while somebody profiles or traces.

Nothing is recorded otherwise, and ``span`` then costs one comparison.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from time import perf_counter, thread_time
from types import TracebackType
from typing import Any, NamedTuple, Protocol

#: What spans are of. The order decides to which of several at once an instant is attributed.
CATEGORIES = (
    "computing",
    "compiling kernels",
    "reading",
    "writing",
    "loading from the store",
    "writing to the store",
    "compiling",
)


class TimeSpan(NamedTuple):
    """Something that a thread did.

    category  one of CATEGORIES
    thread    the name of the thread
    start     seconds of ``perf_counter``
    end       the same
    cpu       seconds of CPU time of the thread
    details   what belongs to it, by name; ``task`` is the task that is performed
    """

    category: str
    name: str
    thread: str
    start: float
    end: float
    cpu: float
    details: Mapping[str, Any]

    @property
    def seconds(self) -> float:
        """Wall time."""
        return self.end - self.start


@dataclass
class Recorder:
    """What was recorded.

    spans   as they ended
    counts  values of counters, each with its time: (time, counter, value)
    plans   the plans that were run, after optimization
    """

    spans: list[TimeSpan] = field(default_factory=list)
    counts: list[tuple[float, str, float]] = field(default_factory=list)
    plans: list[Any] = field(default_factory=list)


class _Thread(threading.local):
    """The innermost span of this thread: its name and its details."""

    within: tuple[str, Mapping[str, Any]] | None = None


class Ranges(Protocol):
    """Ranges of a profiler of devices, which spans are shown to as well; NVTX is one."""

    def push(self, name: str) -> object:
        """Begin a range on this thread, within the one that it began before."""

    def pop(self) -> object:
        """End the innermost range of this thread."""


_thread = _Thread()
_recorder: Recorder | None = None
_ranges: Ranges | None = None
_NOTHING = nullcontext()


@contextmanager
def recording(recorder: Recorder) -> Iterator[None]:
    """Records the spans of all threads while the block runs."""
    global _recorder
    before, _recorder = _recorder, recorder
    try:
        yield
    finally:
        _recorder = before


def is_recording() -> bool:
    """Whether spans are recorded."""
    return _recorder is not None


def show_spans_to(ranges: Ranges | None) -> None:
    """Begin and end a range with each span from now on; None: no longer."""
    global _ranges
    _ranges = ranges


def span(category: str, name: str, **details: Any) -> AbstractContextManager[None]:
    """Records what the block does as one span, if anybody records."""
    return _NOTHING if _recorder is None else _Recorded(_recorder, category, name, details)


def current() -> tuple[str, Mapping[str, Any]] | None:
    """The name and details of the innermost span of this thread, for its helpers."""
    return _thread.within


def note_plan(plan: Any) -> None:
    """Records a plan that is about to run, if anybody records."""
    if _recorder is not None:
        _recorder.plans.append(plan)


def count(counter: str, value: float) -> None:
    """Records the value of a counter at this time, if anybody records."""
    if _recorder is not None:
        _recorder.counts.append((perf_counter(), counter, value))


class _Recorded(AbstractContextManager[None]):
    """The recording of one span. A class, since a generator would take twice as long."""

    __slots__ = ("_before", "_category", "_cpu", "_details", "_name", "_ranges", "_recorder",
                 "_start")  # fmt: skip

    def __init__(
        self, recorder: Recorder, category: str, name: str, details: Mapping[str, Any]
    ) -> None:
        self._recorder = recorder
        self._category, self._name, self._details = category, name, details

    def __enter__(self) -> None:
        self._before, _thread.within = _thread.within, (self._name, self._details)
        # Whoever begins a range ends it, even if others are no longer shown.
        self._ranges = _ranges
        if self._ranges is not None:
            self._ranges.push(self._name)
        self._start, self._cpu = perf_counter(), thread_time()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        used, end = thread_time() - self._cpu, perf_counter()
        if self._ranges is not None:
            self._ranges.pop()
        _thread.within = self._before
        thread = threading.current_thread().name
        self._recorder.spans.append(
            TimeSpan(self._category, self._name, thread, self._start, end, used, self._details)
        )
