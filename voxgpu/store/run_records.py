"""Records of runs, in the folder of the store: what ran, when, and how it ended.

A record is a small JSON file that appears as a whole: written when a run begins, and again when it
ends. What is read from a record of a run that has not ended is checked against the processes of
this computer, so that a run that was killed is told from one that goes on.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from voxgpu.frozen import frozen
from voxgpu.process_start import host_name, start_ticks
from voxgpu.temporary_files import whole_file

#: How many records are kept; the oldest go.
KEPT = 500

RUNNING, DONE, FAILED, INTERRUPTED = "running", "done", "failed", "interrupted"

#: The status of a run that has not ended and whose process is gone.
KILLED = "killed"

#: The status of a run that has not ended, on another computer.
ELSEWHERE = "running elsewhere, perhaps"


@frozen
class RunRecord:
    """The record of a run.

    id           of the run: date, time and a random part
    kind         the command: ``run`` or ``cohort``
    program      the path of the program
    sha256       of its text
    definitions  program variables
    folder       the current folder
    host, pid    where it runs, or ran
    begun        when its process began, as the system counts: tells processes with one number apart
    job          the number of the job of SLURM; empty where there is none
    started      seconds since the epoch
    ended        the same; None if it has not ended
    status       one of RUNNING, DONE, FAILED, INTERRUPTED
    prints       what was printed, by label
    saved        paths of saved files
    warnings     texts
    errors       texts
    details      more, by name: device, counts of nodes, the journal of a cohort, the trace
    """

    id: str
    kind: str
    program: str
    sha256: str = ""
    definitions: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""
    host: str = ""
    pid: int = 0
    begun: str = ""
    job: str = ""
    started: float = 0.0
    ended: float | None = None
    status: str = RUNNING
    prints: Mapping[str, Any] = field(default_factory=dict)
    saved: Sequence[str] = ()
    warnings: Sequence[str] = ()
    errors: Sequence[str] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """How long the run took, or takes already."""
        return (time.time() if self.ended is None else self.ended) - self.started

    def current_status(self) -> str:
        """The status; of a run that has not ended, whether its process still exists."""
        if self.status != RUNNING:
            return self.status
        if self.host != host_name():
            return ELSEWHERE
        return RUNNING if process_began(self.pid) == self.begun else KILLED


def new_record(kind: str, program: str, **known: Any) -> RunRecord:
    """The record of a run of this process that begins now."""
    now = time.time()
    # By name in the order of time, to a microsecond.
    name = f"{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%S%f}-{os.urandom(2).hex()}"
    return RunRecord(
        name,
        kind,
        program,
        folder=str(Path.cwd()),
        host=host_name(),
        pid=os.getpid(),
        begun=process_began(os.getpid()),
        job=os.environ.get("SLURM_JOB_ID", ""),
        started=now,
        **known,
    )


def ended(record: RunRecord, status: str, **known: Any) -> RunRecord:
    """The record of a run that has ended now."""
    return replace(record, status=status, ended=time.time(), **known)


def process_began(pid: int) -> str:
    """When a process began, as the system counts; empty where there is no such process."""
    try:
        ticks = start_ticks(pid)
    except ProcessLookupError:
        return ""
    if ticks is not None:
        return str(ticks)
    import psutil

    with suppress(psutil.Error):
        return str(psutil.Process(pid).create_time())
    return ""


def folder_of_records(store: Path) -> Path:
    """The folder of the records of a store."""
    return store / "runs"


def write_record(store: Path, record: RunRecord) -> None:
    """Write a record, and remove the oldest ones beyond KEPT. Raises OSError."""
    folder = folder_of_records(store)
    folder.mkdir(exist_ok=True)
    with whole_file(folder / f"{record.id}.json") as temporary:
        temporary.write_text(json.dumps(asdict(record), ensure_ascii=False), "utf-8")
    if record.status == RUNNING:
        for each in sorted(folder.glob("*.json"))[:-KEPT]:
            each.unlink(missing_ok=True)


def read_records(store: Path) -> list[RunRecord]:
    """The records of a store, the newest last; damaged ones are left out."""
    found = (_read(each) for each in sorted(folder_of_records(store).glob("*.json")))
    return [each for each in found if each is not None]


def _read(path: Path) -> RunRecord | None:
    known = {each.name for each in fields(RunRecord)}
    with suppress(OSError, ValueError, TypeError):
        data = json.loads(path.read_text("utf-8"))
        return RunRecord(**{name: value for name, value in data.items() if name in known})
    return None
