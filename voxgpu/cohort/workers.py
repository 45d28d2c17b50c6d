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
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voxgpu.cohort.cases import Case
from voxgpu.cohort.evaluate import Program, rows_of
from voxgpu.cohort.journal import Journal
from voxgpu.cohort.row import FAILED, Row
from voxgpu.cohort.run import Places
from voxgpu.cohort.sweep import Combination
from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.session_settings import SessionListeners, SessionSettings

if TYPE_CHECKING:
    from voxgpu.session import Session

#: Cases that are sent to a worker before it has ended the one before.
_AHEAD = 2

#: The session of this worker, what it was opened with, and the device it used last.
_opened: tuple[SessionSettings, Session, list[str]] | None = None


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
    places: Places,
    journal: Journal,
    on_row: Callable[[Row], None],
) -> None:
    """Runs cases on the workers of a client; each row is in the journal before ``on_row``."""
    folder = Path.cwd()
    rest = iter(left)
    running: dict[Any, tuple[Case, Sequence[Combination]]] = {}
    ended = _distributed().as_completed([])

    def note(rows: Sequence[Row]) -> None:
        for row in rows:
            journal.add(places.placed(row))
            on_row(row)

    def send() -> bool:
        case, combinations = next(rest, (None, ()))
        if case is None:
            return False
        future = client.submit(
            _rows_on_worker, program, case, tuple(combinations), settings, folder, pure=False
        )
        running[future] = case, combinations
        ended.add(future)
        return True

    workers = len(client.scheduler_info(n_workers=-1)["workers"])
    while len(running) < _AHEAD * max(1, workers) and send():
        pass
    suspects: list[tuple[Case, Sequence[Combination]]] = []
    for future in ended:
        case, combinations = running.pop(future)
        if _has_died(future):
            suspects.append((case, combinations))
        else:
            note(_outcome(future, case, combinations))
        send()
    for case, combinations in suspects:
        rest = iter([(case, combinations)])
        send()
        (future,) = running
        running.clear()
        note(_outcome(future, case, combinations))
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
    session, devices = _session(settings)
    session.deliver_to(program.options.output, program.options.roots)
    name = str(_distributed().get_worker().name)
    return rows_of(program, case, combinations, session, lambda: devices[-1], name)


def _session(settings: SessionSettings) -> tuple[Session, list[str]]:
    global _opened
    if _opened is None or _opened[0] != settings:
        from voxgpu.session import open_session

        _close_session()
        devices = [""]
        listeners = SessionListeners(on_device=lambda chosen: devices.append(chosen.name))
        _opened = settings, open_session(settings, listeners), devices
    return _opened[1], _opened[2]


def _close_session() -> None:
    """Closes the session of this worker, which writes what its store is to keep."""
    global _opened
    if _opened is not None:
        _opened[1].close()
        _opened = None


def _distributed() -> Any:
    """The library, which is imported where it is used, and has no types."""
    return import_module("distributed")


def settings_of_worker(settings: SessionSettings, workers: int, cores: int) -> SessionSettings:
    """The settings of one of several workers on a computer: a share of its cores."""
    return replace(settings, threads=settings.threads or max(1, cores // workers))
