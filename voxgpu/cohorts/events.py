"""Events of a running cohort, delivered to its observers wherever they occur."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from voxgpu.cohorts.cases import Case
from voxgpu.cohorts.evaluate import CaseSession, Outcome, Program
from voxgpu.cohorts.row import DONE
from voxgpu.cohorts.sweep import Combination
from voxgpu.frozen import frozen

#: Kinds of events.
RUN_BEGINS, RUN_ENDS = "run begins", "run ends"
WORKERS_START, WORKER_STARTED, WORKER_LOST = "workers start", "worker started", "worker lost"
CASE_BEGINS, CASE_ENDS, CASE_SET_ASIDE = "case begins", "case ends", "case set aside"
#: Where cases run, or what one waits for: a line for people, ``text``.
NOTE = "note"

#: Ids that SLURM gives a process, by their names in events.
_SLURM = {
    "job_id": "SLURM_JOB_ID",
    "array_job_id": "SLURM_ARRAY_JOB_ID",
    "array_task_id": "SLURM_ARRAY_TASK_ID",
    "node_id": "SLURM_NODEID",
    "node_name": "SLURMD_NODENAME",
    "proc_id": "SLURM_PROCID",
    "restart_count": "SLURM_RESTART_COUNT",
}

#: Letters of an error that an event has at most: events pass a scheduler.
_LONGEST_ERROR = 500


@frozen(slots=True)
class Event:
    """Something that happened while a cohort was run.

    kind  one of the constants of this module
    time  seconds since 1970, by the clock of the computer where it happened
    data  what is known of it, by name: plain data
    """

    kind: str
    time: float
    data: Mapping[str, Any]


Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Does nothing."""


def happened(kind: str, **data: Any) -> Event:
    """An event of this kind that happens now."""
    return Event(kind, time.time(), data)


def process_data(worker: str) -> dict[str, Any]:
    """What events say of this process: worker, host, pid, and the ids of SLURM if there are any."""
    slurm = {name: os.environ[each] for name, each in _SLURM.items() if each in os.environ}
    found = {"worker": worker, "host": socket.gethostname(), "pid": os.getpid()}
    return {**found, "slurm": slurm} if slurm else found


def watched_outcome(
    session: CaseSession,
    program: Program,
    case: Case,
    combinations: Sequence[Combination],
    tell: Listener,
) -> Outcome:
    """What comes of a case, computed in this process, with events when it begins and ends."""
    about = {"case": case.name, "combinations": len(combinations), **process_data(session.worker)}
    tell(happened(CASE_BEGINS, **about))
    start, read = time.perf_counter(), bytes_read()
    record, rows = session.outcome(program, case, combinations)
    seconds, read_after = time.perf_counter() - start, bytes_read()
    failed = [each for each in rows if each.status != DONE]
    tell(
        happened(
            CASE_ENDS,
            **about,
            device=rows[0].device if rows else "",
            seconds=round(seconds, 3),
            peak_bytes=max((each.peak for each in rows), default=0),
            read_bytes=None if read is None or read_after is None else read_after - read,
            status=failed[0].status if failed else DONE,
            failed=len(failed),
            error=failed[0].error[:_LONGEST_ERROR] if failed else "",
        )
    )
    return record, rows


def bytes_read() -> int | None:
    """Bytes that this process has read so far; None where the system does not say."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/self/io").read_text().splitlines():
            name, _, number = line.partition(":")
            if name == "rchar":
                return int(number)
    return None
