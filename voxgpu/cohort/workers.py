"""A cohort on processes of a dask.distributed cluster: a case is sent, rows come back.

Each worker keeps one session over its cases, with its compiled kernels, threads, device and store.
No array passes the scheduler. Cases that a worker had when it died are tried again, one at a time
with nothing beside them, after all others: a worker that dies then died of its case, which becomes
a row that says so.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

from voxgpu.cohort.cases import Case
from voxgpu.cohort.evaluate import CaseSession, Program
from voxgpu.cohort.row import FAILED, Row
from voxgpu.cohort.sweep import Combination
from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.session_settings import SessionSettings

#: Cases that are sent to a worker before it has ended the one before.
_AHEAD = 2

#: The session of this worker, and what it was opened with.
_opened: tuple[SessionSettings, CaseSession] | None = None


@contextmanager
def local_cluster(count: int) -> Iterator[Any]:
    """A client of so many worker processes on this computer.

    Raises ImgqlError where distributed is not installed.
    """
    try:
        dask, distributed = import_module("dask"), _distributed()
    except ImportError:
        hint = "pip install 'voxgpu[cluster]', or run in this process: --workers 0"
        message = "workers need dask.distributed, which is not installed"
        raise ImgqlError([Diagnostic("E402", message, help=hint)]) from None
    quiet = {
        # Dask blames every case that a dead worker had been sent; we find out which it was.
        "distributed.scheduler.allowed-failures": 0,
        # Our store and budgets bound memory; a nanny that kills a worker at a limit would not know.
        "distributed.worker.memory.terminate": False,
        "logging.distributed": "critical",
    }
    with (
        dask.config.set(quiet),
        distributed.LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            memory_limit=0,
            dashboard_address=None,
            local_directory=os.environ.get("TMPDIR") or None,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def run_on_workers(
    client: Any,
    program: Program,
    left: Iterable[tuple[Case, Sequence[Combination]]],
    settings: SessionSettings,
    note: Callable[[Row], None],
) -> None:
    """Runs cases on the workers of a client; calls ``note`` with each row."""
    folder, rest = Path.cwd(), iter(left)
    running: dict[Any, tuple[Case, Sequence[Combination]]] = {}
    suspects: list[tuple[Case, Sequence[Combination]]] = []

    def sent(case: Case, combinations: Sequence[Combination]) -> Any:
        future = client.submit(
            _rows_on_worker, program, case, tuple(combinations), settings, folder, pure=False
        )
        running[future] = case, combinations
        return future

    def note_all(future: Any) -> None:
        for row in _outcome(future, *running.pop(future)):
            note(row)

    workers = len(client.scheduler_info(n_workers=-1)["workers"])
    first = [sent(*each) for each in islice(rest, _AHEAD * max(1, workers))]
    ended = _distributed().as_completed(first)
    for future in ended:
        if _has_died(future):
            suspects.append(running.pop(future))
        else:
            note_all(future)
        ended.update([sent(*each) for each in islice(rest, 1)])
    for each in suspects:
        note_all(sent(*each))
    client.run(_close_session)


def _has_died(future: Any) -> bool:
    return type(future.exception()).__name__ == "KilledWorker"


def _outcome(future: Any, case: Case, combinations: Sequence[Combination]) -> list[Row]:
    error = future.exception()
    if error is None:
        rows: list[Row] = future.result()
        return rows
    text = f"{type(error).__name__}: {error}"
    if _has_died(future):
        text = "two workers died while they ran this case, of memory perhaps"
    return [Row(case.name, each, status=FAILED, error=text) for each in combinations]


def _rows_on_worker(
    program: Program,
    case: Case,
    combinations: Sequence[Combination],
    settings: SessionSettings,
    folder: Path,
) -> list[Row]:
    """The rows of a case, computed in the session of this worker process."""
    os.chdir(folder)  # relative names are those of the process that asked
    return _session(settings).rows(program, case, combinations)


def _session(settings: SessionSettings) -> CaseSession:
    global _opened
    if _opened is None or _opened[0] != settings:
        _close_session()
        _opened = settings, CaseSession(settings, str(_distributed().get_worker().name))
    return _opened[1]


def _close_session() -> None:
    """Closes the session of this worker, which writes what its store is to keep."""
    global _opened
    if _opened is not None:
        _opened[1].__exit__(None, None, None)
        _opened = None


def _distributed() -> Any:
    """The library, which is imported where it is used, and has no types."""
    return import_module("distributed")


def settings_of_worker(settings: SessionSettings, workers: int, cores: int) -> SessionSettings:
    """The settings of one of several workers on a computer: a share of its cores."""
    return replace(settings, threads=settings.threads or max(1, cores // workers))
