"""Runs of programs over cases, and their history."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from voxgpu.cancellation import Cancelled
from voxgpu.compile import Options
from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.execution.outputs import json_value
from voxgpu.files.errors import FileError
from voxgpu.provenance.program_text import digest_of_program
from voxgpu.store.folder import StoreError, open_folder
from voxgpu.store.run_records import (
    DONE,
    FAILED,
    INTERRUPTED,
    RunRecord,
    ended,
    new_record,
    read_records,
    write_record,
)
from voxgpu.viewer.case_run import CaseRun, Layer, run_case
from voxgpu.viewer.checking import Program, as_json, options_for
from voxgpu.viewer.compute_thread import ComputeThread, Job, JobCancelled
from voxgpu.viewer.dataset import Case
from voxgpu.viewer.event_log import EventLog
from voxgpu.viewer.problem import Problem

#: Runs whose images are kept, and the runs of the store that the history shows.
KEPT_RUNS, SHOWN_RECORDS = 50, 200

#: Statuses for the page.
_RUNNING, _CANCELLED = "running", "cancelled"


class Run:
    """A program that runs, or ran, over some cases."""

    def __init__(
        self, record: RunRecord, program: Program, cases: Sequence[Case], folder: Path
    ) -> None:
        self.record = record
        self.program = program
        self.folder = folder
        self.log = EventLog()
        self.cases = [CaseRun(case) for case in cases]
        self.layers: list[Layer] = []
        self.status = _RUNNING
        self.cancelled = threading.Event()
        self.futures: list[Future[None]] = []
        self._start = perf_counter()
        self._seconds: float | None = None

    @property
    def seconds(self) -> float:
        """How long it took, or takes already."""
        return perf_counter() - self._start if self._seconds is None else self._seconds

    def tell(self, found: CaseRun, kind: str, data: Mapping[str, Any]) -> None:
        """Add an event about a case."""
        if kind == "layer":
            place = len(self.layers)
            self.layers.append(found.layers[-1])
            data = {**data, "url": f"api/runs/{self.record.id}/layers/{place}"}
        self.log.add(kind, {"case": found.case.id, **data})

    def end(self, status: str) -> None:
        """Note how it ended, with the last event."""
        self._seconds = perf_counter() - self._start
        self.status = status
        last = {"case": None, "status": status, "seconds": round(self._seconds, 3)}
        self.log.add("finished", last, is_last=True)

    def as_json(self) -> dict[str, Any]:
        """The run in the history, as plain data."""
        return {
            "run": self.record.id,
            "program": self.program.name,
            "status": self.status,
            "started": _time(self.record.started),
            "seconds": round(self.seconds, 3),
            "cases": [each.case.id for each in self.cases],
            "prints": [
                {"case": each.case.id, **printed.as_json()}
                for each in self.cases
                for printed in each.prints
            ],
            "layers": len(self.layers),
            "here": True,
        }


class Runs:
    """The runs of a viewer; those that are new are recorded in the store, if there is one.

    compute  runs them
    folder   takes their images
    store    the folder of the store
    """

    def __init__(self, compute: ComputeThread, folder: Path, store: Path | None) -> None:
        self._compute, self._folder = compute, folder
        self._store = store if store is not None and _is_usable(store) else None
        self._runs: dict[str, Run] = {}
        self._lock = threading.Lock()

    def start(
        self,
        program: Program,
        cases: Sequence[Case],
        definitions: Mapping[str, str],
        options: Options,
    ) -> Run:
        """Begin to run a program over cases, one after the other. Raises Problem."""
        own = [options_for(options, each, definitions) for each in cases]
        path = program.path or Path("untitled.imgql")
        digest = digest_of_program(program.text, program.path)
        given = {**options.define, **definitions}
        details = {"cases": [each.name for each in cases]}
        record = new_record(
            "view", str(path.absolute()), sha256=digest, definitions=given, details=details
        )
        run = Run(record, program, cases, self._folder / record.id)
        with self._lock:
            self._runs[record.id] = run
        self._record(record)
        for place, found in enumerate(run.cases):
            work = partial(self._run_case, run, found, own[place], run.folder / str(place))
            run.futures.append(self._compute.submit(work, cancelled=run.cancelled))
        left = _Countdown(len(run.futures), partial(self._end, run))
        for future in run.futures:
            future.add_done_callback(left.count)
        self._forget_oldest()
        return run

    def find(self, id: str) -> Run:
        """The run of an id. Raises Problem, 404."""
        run = self._runs.get(id)
        if run is None:
            raise Problem(404, f"there is no run `{id}` here", "it may have been long ago")
        return run

    def cancel(self, id: str) -> None:
        """End a run as soon as what computes can be stopped. Raises Problem, 404."""
        run = self.find(id)
        run.cancelled.set()
        for future in run.futures:
            future.cancel()

    def cancel_all(self) -> None:
        """End all runs."""
        for id, run in list(self._runs.items()):
            if run.status == _RUNNING:
                self.cancel(id)

    def history(self) -> list[dict[str, Any]]:
        """The runs of this viewer and those that the store knows, the newest first."""
        own = {id: run.as_json() for id, run in list(self._runs.items())}
        records = read_records(self._store)[-SHOWN_RECORDS:] if self._store is not None else []
        others = {each.id: _of_record(each) for each in records if each.id not in own}
        return [each for _, each in sorted({**own, **others}.items(), reverse=True)]

    def _run_case(self, run: Run, found: CaseRun, options: Options, folder: Path, job: Job) -> None:
        tell = partial(run.tell, found)
        try:
            id = run.record.id if self._store is not None else ""
            device = partial(getattr, self._compute, "device")
            run_case(found, run.program, options, folder, tell, device, job, id)
        except Cancelled:
            raise
        except Exception as error:
            failed = _diagnostics_of(error)
            found.errors += failed
            for each in as_json(failed, run.program.text, run.program.source):
                tell("failure", each)
            if not isinstance(error, ImgqlError | FileError):
                raise

    def _end(self, run: Run) -> None:
        """Note the end of a run: called once, after its last case."""
        stopped = run.cancelled.is_set() and any(map(_was_cancelled, run.futures))
        has_errors = any(each.errors for each in run.cases)
        status = _CANCELLED if stopped else FAILED if has_errors else DONE
        self._record(
            ended(
                run.record,
                INTERRUPTED if stopped else status,
                prints=_recorded_prints(run),
                warnings=[d.message for each in run.cases for d in each.warnings],
                errors=[str(d) for each in run.cases for d in each.errors],
            )
        )
        run.end(status)

    def _record(self, record: RunRecord) -> None:
        if self._store is not None:
            with suppress(OSError):
                write_record(self._store, record)

    def _forget_oldest(self) -> None:
        """Remove the images of runs beyond those kept."""
        with self._lock:
            old = [each for each in self._runs.values() if each.status != _RUNNING]
            for run in old[: max(0, len(self._runs) - KEPT_RUNS)]:
                del self._runs[run.record.id]
                shutil.rmtree(run.folder, ignore_errors=True)


def _recorded_prints(run: Run) -> dict[str, Any]:
    """The printed values by label, of several cases by the name of the case as well."""
    several = len(run.cases) > 1
    return {
        f"{each.case.name}: {printed.label}" if several else printed.label: json_value(
            printed.value
        )
        for each in run.cases
        for printed in each.prints
    }


class _Countdown:
    """Calls a function when it was counted down, on whichever thread does that."""

    def __init__(self, left: int, then: Any) -> None:
        self._left, self._then = left, then
        self._lock = threading.Lock()

    def count(self, _: Future[None]) -> None:
        with self._lock:
            self._left -= 1
            is_over = not self._left
        if is_over:
            self._then()


def _diagnostics_of(error: Exception) -> Sequence[Diagnostic]:
    """What is told of an exception that ended a run."""
    if isinstance(error, ImgqlError):
        return error.diagnostics
    if isinstance(error, FileError):
        return [Diagnostic("E303", str(error), help=error.help)]
    message = f"{type(error).__name__}: {error}"
    return [Diagnostic("E304", message, help="this is a mistake of voxgpu: please report it")]


def _was_cancelled(future: Future[None]) -> bool:
    return future.cancelled() or isinstance(future.exception(), JobCancelled)


def _of_record(record: RunRecord) -> dict[str, Any]:
    return {
        "run": record.id,
        "program": Path(record.program).name,
        "status": record.current_status(),
        "started": _time(record.started),
        "seconds": round(record.seconds, 3),
        "cases": [],
        "prints": [{"label": label, "value": value} for label, value in record.prints.items()],
        "layers": 0,
        "here": False,
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _is_usable(store: Path) -> bool:
    """Whether the folder of a store can be used, which is made if it is missing."""
    try:
        open_folder(store)
    except (StoreError, OSError):
        return False
    return True
