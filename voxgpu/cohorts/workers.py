"""A cohort on processes of a dask.distributed cluster: a case is sent, rows come back.

Each worker keeps one session over its cases, with its compiled kernels, threads, device and store.
No array passes the scheduler. Cases that a worker had when it died are tried again, one at a time
with nothing beside them, after all others: a worker that dies then died of its case, which becomes
a row that says so.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Sequence
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

from voxgpu.cohorts.cases import Case
from voxgpu.cohorts.evaluate import CaseSession, Program
from voxgpu.cohorts.events import Listener, ignore, watched_rows
from voxgpu.cohorts.row import FAILED, Row
from voxgpu.cohorts.sweep import Combination
from voxgpu.cohorts.worker_events import heard, teller
from voxgpu.session_settings import SessionSettings

#: Cases that are sent to a worker before it has ended the one before.
_AHEAD = 2

#: The session of this worker, and what it was opened with.
_opened: tuple[SessionSettings, CaseSession] | None = None


def rows_from_workers(
    client: Any,
    program: Program,
    left: Iterable[tuple[Case, Sequence[Combination]]],
    settings: SessionSettings,
    tell: Listener = ignore,
) -> Generator[Row, None, None]:
    """Runs cases on the workers of a client; yields rows as they finish.

    settings  those of each worker's session
    tell      is told of what happens on the workers, in a thread of the client
    """
    with heard(client, tell) as topic:
        yield from _rows(client, program, left, settings, topic)


def _rows(
    client: Any,
    program: Program,
    left: Iterable[tuple[Case, Sequence[Combination]]],
    settings: SessionSettings,
    topic: str,
) -> Generator[Row, None, None]:
    folder, rest = Path.cwd(), iter(left)
    running: dict[Any, tuple[Case, Sequence[Combination]]] = {}
    suspects: list[tuple[Case, Sequence[Combination]]] = []

    def sent(case: Case, combinations: Sequence[Combination]) -> Any:
        about = program, case, tuple(combinations), settings, folder, topic
        future = client.submit(_rows_on_worker, *about, pure=False)
        running[future] = case, combinations
        return future

    workers = len(client.scheduler_info(n_workers=-1)["workers"])
    first = [sent(*each) for each in islice(rest, _AHEAD * max(1, workers))]
    ended = _distributed().as_completed(first)
    for future in ended:
        if _has_died(future):
            suspects.append(running.pop(future))
        else:
            yield from _outcome(future, *running.pop(future))
        ended.update([sent(*each) for each in islice(rest, 1)])
    for each in suspects:
        future = sent(*each)
        yield from _outcome(future, *running.pop(future))
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
    topic: str,
) -> list[Row]:
    """The rows of a case, computed in the session of this worker process."""
    os.chdir(folder)  # relative names are those of the process that asked
    return watched_rows(_session(settings), program, case, combinations, teller(topic))


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
