"""The code that runs on workers: it receives the job once, and then case by case."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from threading import Condition, Lock
from typing import Any

from voxgpu.cohorts.cases import Case
from voxgpu.cohorts.evaluate import CaseSession, Program
from voxgpu.cohorts.events import Event, watched_outcome
from voxgpu.cohorts.sweep import Combination
from voxgpu.cohorts.worker_events import teller
from voxgpu.frozen import frozen
from voxgpu.session_settings import SessionSettings
from voxgpu.version import __version__

_WorkerPlugin: Any = import_module("distributed").WorkerPlugin

#: The part that may be used of the memory that a worker was started with.
_USABLE = 0.7

#: Seconds in which a worker is told of the job whose case it was sent.
_PATIENCE = 60.0


@frozen
class Job:
    """What all cases of a cohort have in common.

    settings  of each worker's session
    folder    where relative names begin: the working folder of the process that asked
    version   of voxgpu in the process that asked
    """

    program: Program
    combinations: tuple[Combination, ...]
    settings: SessionSettings
    folder: Path
    version: str = __version__


class JobOnWorkers(_WorkerPlugin):  # type: ignore[misc]
    """Tells each worker of a job, also those that come later, and closes its session in the end.

    name  of the job: the topic of its events
    """

    def __init__(self, name: str, job: Job) -> None:
        self.name = name
        self._job = job

    def setup(self, worker: Any) -> None:
        """Called on the worker."""
        with _told:
            _jobs[self.name] = self._job
            _told.notify_all()

    def teardown(self, worker: Any) -> None:
        """Called on the worker: closes the session, which writes what its store is to keep."""
        with _told:
            _jobs.pop(self.name, None)
        if _one_at_a_time.acquire(blocking=False):  # else a case that was dropped still runs
            try:
                _close_session()
            finally:
                _one_at_a_time.release()


_told = Condition()
_jobs: dict[str, Job] = {}

#: Held while a case is computed: a worker may have been started with several threads.
_one_at_a_time = Lock()

#: The session of this worker, and what it was opened with.
_opened: tuple[SessionSettings, CaseSession] | None = None


def topic_of_rows(name: str) -> str:
    """The topic under which the outcomes of a job's cases are published."""
    return f"{name}-rows"


def run_case(name: str, key: str, case: Case, orders: tuple[int, ...] | None) -> None:
    """Computes a case in the session of this worker process, and publishes its outcome.

    That is told as an event, in the message that says that the task has ended: results of tasks
    are fetched from workers by messages of their own, which take more than all others together.

    name    of the job
    key     that the outcome is told with
    orders  the numbers of the combinations; None: all of them
    """
    with _told:
        if not _told.wait_for(lambda: name in _jobs, _PATIENCE):
            raise RuntimeError("this worker was not told of the cohort")
        job = _jobs[name]
    if job.version != __version__:
        # A worker that joined later; those that were there first have been compared.
        raise RuntimeError(f"a worker has voxgpu {__version__} where {job.version} was asked for")
    every = job.combinations
    combinations = every if orders is None else tuple(every[order] for order in orders)
    # Dask sends the next case then, which reads its files and waits.
    import_module("distributed").secede()
    _read_ahead(job, case, combinations[0])
    with _one_at_a_time:
        os.chdir(job.folder)  # relative names are those of the process that asked
        session = _session(job.settings)
        found = watched_outcome(session, job.program, case, combinations, _with_address(name))
    _worker().log_event(topic_of_rows(name), {"key": key, "outcome": pickle.dumps(found)})


def _read_ahead(job: Job, case: Case, combination: Combination) -> None:
    """Reads the files of a case while this worker computes another one of the same job."""
    is_computing = _one_at_a_time.locked() and Path.cwd() == job.folder
    if is_computing and _opened is not None and _opened[0] == job.settings:
        _opened[1].read_ahead(job.program, case, combination)


def _with_address(name: str) -> Callable[[Event], None]:
    """A listener that says in each event from which worker it comes."""
    tell, address = teller(name), _worker().address
    return lambda event: tell(replace(event, data={**event.data, "address": address}))


def _session(settings: SessionSettings) -> CaseSession:
    global _opened
    if _opened is None or _opened[0] != settings:
        _close_session()
        worker = _worker()
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


def _worker() -> Any:
    return import_module("distributed").get_worker()
