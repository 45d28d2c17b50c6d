"""Spans of time in which a thread did something, recorded while somebody profiles or traces.

Nothing is recorded otherwise, and ``span`` then costs one comparison.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from time import perf_counter, thread_time
from typing import Any

from voxgpu.frozen import frozen

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


@frozen(slots=True)
class TimeSpan:
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


_thread = _Thread()
_recorder: Recorder | None = None
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


def span(category: str, name: str, **details: Any) -> AbstractContextManager[None]:
    """Records what the block does as one span, if anybody records."""
    return _NOTHING if _recorder is None else _recorded(_recorder, category, name, details)


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


@contextmanager
def _recorded(
    recorder: Recorder, category: str, name: str, details: Mapping[str, Any]
) -> Iterator[None]:
    before, _thread.within = _thread.within, (name, details)
    start, cpu = perf_counter(), thread_time()
    try:
        yield
    finally:
        _thread.within = before
        thread = threading.current_thread().name
        used = thread_time() - cpu
        recorder.spans.append(
            TimeSpan(category, name, thread, start, perf_counter(), used, details)
        )
