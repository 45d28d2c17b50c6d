"""A cohort on processes of a dask.distributed cluster: a case is sent, rows come back.

Each worker keeps one session over its cases, with its compiled kernels, threads, device and store.
No array passes the scheduler. Cases that a worker had when it died are tried again, one at a time
with nothing beside them, after all others: a worker that dies then died of its case, which becomes
a row that says so.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace
from importlib import import_module
from itertools import islice
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any

from voxgpu.cohorts.case_record import CaseRecord
from voxgpu.cohorts.cases import Case
from voxgpu.cohorts.clusters.joined import Joined
from voxgpu.cohorts.clusters.workforce import Workforce
from voxgpu.cohorts.evaluate import CaseSession, Outcome, Program
from voxgpu.cohorts.events import Listener, ignore, watched_outcome
from voxgpu.cohorts.row import FAILED, Row
from voxgpu.cohorts.sweep import Combination
from voxgpu.cohorts.worker_events import heard, teller
from voxgpu.session_settings import SessionSettings
from voxgpu.version import __version__

#: Cases that are sent to a worker before it has ended the one before.
_AHEAD = 2

#: Seconds between looks at the workers while no case ends.
_LOOK = 1.0

#: The part that may be used of the memory that a worker was started with.
_USABLE = 0.7

#: Held while a case is computed.
_ONE_AT_A_TIME = Lock()

#: The session of this worker, and what it was opened with.
_opened: tuple[SessionSettings, CaseSession] | None = None


def outcomes_from_workers(
    joined: Joined,
    workforce: Workforce,
    program: Program,
    left: Iterable[tuple[Case, Sequence[Combination]]],
    tell: Listener = ignore,
) -> Generator[list[Outcome], None, None]:
    """Runs cases on the workers of a cluster; yields rows as they finish.

    workforce  how many workers there are, which may change while cases run
    tell       is told of what happens on the workers, in a thread of the client
    """
    with heard(joined.client, tell) as topic:
        yield from _outcomes(joined, workforce, program, left, topic)


def _outcomes(
    joined: Joined,
    workforce: Workforce,
    program: Program,
    left: Iterable[tuple[Case, Sequence[Combination]]],
    topic: str,
) -> Generator[list[Outcome], None, None]:
    client, settings = joined.client, joined.settings
    folder, rest = Path.cwd(), iter(left)
    running: dict[Any, tuple[Case, Sequence[Combination]]] = {}
    suspects: list[tuple[Case, Sequence[Combination]]] = []

    def sent(case: Case, combinations: Sequence[Combination]) -> Any:
        about = __version__, program, case, tuple(combinations), settings, folder, topic
        future = client.submit(_rows_on_worker, *about, pure=False)
        running[future] = case, combinations
        return future

    ended = _distributed().as_completed(loop=client.loop)
    while True:
        free = _AHEAD * max(1, workforce.count) - len(running)
        ended.update([sent(*each) for each in islice(rest, max(0, free))])
        if not running:
            break
        future = _next(ended, workforce)
        if future is None:
            continue  # there may be more workers now
        if _has_died(future):
            suspects.append(running.pop(future))
        else:
            yield [_outcome(future, *running.pop(future))]
    for each in suspects:
        ended.update([sent(*each)])
        while (future := _next(ended, workforce)) is None:
            pass
        yield [_outcome(future, *running.pop(future))]
    client.run(_close_session)


def _next(ended: Any, workforce: Workforce) -> Any:
    """The next future that has ended; None if none has for a while.

    Raises ImgqlError where no workers are left.
    """
    since = monotonic()
    while not ended.has_ready():
        if monotonic() - since > _LOOK:
            workforce.look()
            return None
        # This wakes up as soon as a future has ended.
        with ended.thread_condition:
            ended.thread_condition.wait(timeout=0.1)
    return next(ended)


def _has_died(future: Any) -> bool:
    return type(future.exception()).__name__ == "KilledWorker"


def _outcome(future: Any, case: Case, combinations: Sequence[Combination]) -> Outcome:
    error = future.exception()
    if error is None:
        found: Outcome = future.result()
        return found
    text = f"{type(error).__name__}: {error}"
    if _has_died(future):
        text = "two workers died while they ran this case, of memory perhaps"
    rows = [Row(case.name, each, status=FAILED, error=text) for each in combinations]
    return CaseRecord(case.name), rows


def _rows_on_worker(
    version: str,
    program: Program,
    case: Case,
    combinations: Sequence[Combination],
    settings: SessionSettings,
    folder: Path,
    topic: str,
) -> Outcome:
    """The rows of a case, computed in the session of this worker process.

    version  of voxgpu in the process that asks
    """
    if version != __version__:
        # A worker that joined later; those that were there first have been compared.
        raise RuntimeError(f"a worker has voxgpu {__version__} where {version} was asked for")
    with _ONE_AT_A_TIME:  # a worker may have been started with several threads
        os.chdir(folder)  # relative names are those of the process that asked
        return watched_outcome(_session(settings), program, case, combinations, teller(topic))


def _session(settings: SessionSettings) -> CaseSession:
    global _opened
    if _opened is None or _opened[0] != settings:
        _close_session()
        worker = _distributed().get_worker()
        own = settings_on(worker, settings)
        _opened = settings, CaseSession(own, str(worker.name))
    return _opened[1]


def settings_on(worker: Any, settings: SessionSettings) -> SessionSettings:
    """Settings of which the worker says what they leave open: threads, and memory if it is limited.

    A worker that somebody else started was given its share of the computer by ``--nthreads`` and
    ``--memory-limit``. Dask stops giving work to one that has taken 80 % of that.
    """
    limit = worker.memory_manager.memory_limit
    memory = settings.memory or (int(_USABLE * limit) if limit else None)
    return replace(settings, threads=settings.threads or worker.state.nthreads, memory=memory)


def _close_session() -> None:
    """Closes the session of this worker, which writes what its store is to keep."""
    global _opened
    if _opened is not None:
        _opened[1].__exit__(None, None, None)
        _opened = None


def _distributed() -> Any:
    """The library, which is imported where it is used, and has no types."""
    return import_module("distributed")
