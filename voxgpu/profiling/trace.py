"""Traces of runs in the trace event format, which Perfetto and chrome://tracing open.

Format: "Trace Event Format", Google (complete events, counters and metadata).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from voxgpu.optimize.schedule import Task
from voxgpu.profiling.table import Known, place_of
from voxgpu.spans import Recorder, TimeSpan


def trace_text(recorder: Recorder, start: float) -> str:
    """The trace as JSON.

    start  the time that is 0 in the trace, in seconds of ``perf_counter``
    """
    known = Known.of(recorder.plans)
    lanes = {name: number for number, name in enumerate(_lanes(recorder), 1)}
    events = list(_names(lanes))
    for span in sorted(recorder.spans, key=lambda each: (each.start, -each.end)):
        events.append(
            {
                "ph": "X",
                "name": span.name,
                "cat": span.category,
                "pid": os.getpid(),
                "tid": lanes[span.thread],
                "ts": _microseconds(span.start - start),
                "dur": _microseconds(span.seconds),
                "args": _details(span, known),
            }
        )
    for time, counter, value in recorder.counts:
        kind, _, series = counter.partition(", ")
        events.append(
            {
                "ph": "C",
                "name": kind,
                "pid": os.getpid(),
                "ts": _microseconds(time - start),
                "args": {series or kind: value},
            }
        )
    return json.dumps({"traceEvents": events, "displayTimeUnit": "ms"})


def _lanes(recorder: Recorder) -> list[str]:
    """The names of the threads, in the order in which they began."""
    return list(dict.fromkeys(s.thread for s in sorted(recorder.spans, key=lambda s: s.start)))


def _names(lanes: dict[str, int]) -> Iterator[dict[str, Any]]:
    process = {"ph": "M", "pid": os.getpid()}
    yield {**process, "name": "process_name", "args": {"name": "voxgpu"}}
    for name, number in lanes.items():
        yield {**process, "name": "thread_name", "tid": number, "args": {"name": name}}


def _microseconds(seconds: float) -> float:
    return round(seconds * 1e6, 3)


def _details(span: TimeSpan, known: Known) -> dict[str, Any]:
    details: dict[str, Any] = {"CPU ms": round(span.cpu * 1e3, 3)}
    task = span.details.get("task")
    if isinstance(task, Task):
        details |= {"line": place_of(task, known), "id": task.id, "bytes": task.bytes}
    return details
