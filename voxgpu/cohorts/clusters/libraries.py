"""Libraries of clusters: imports when they are first used, options of dask, and signals."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import resource_tracker
from typing import Any

from voxgpu.diagnostics import Diagnostic, ImgqlError

#: Seconds after which a worker that has lost its scheduler ends.
DEATH_TIMEOUT = 60

#: Environment variables from which libraries take their number of threads when loaded.
_THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)

#: Environment that silences dask's log in local workers.
_SILENCE = {"DASK_LOGGING__DISTRIBUTED": "critical"}


def imported(name: str, package: str, what: str) -> Any:
    """Import a library. Raises ImgqlError if it is not installed.

    name     the module
    package  the package that pip installs for it, named in the error
    what     what needs the library, in the plural, for the error: ``workers``
    """
    try:
        with _signals_kept():
            return import_module(name)
    except ImportError as error:
        missing = getattr(error, "name", None) or name
        message = f"{what} need {name}, and `{missing}` is not installed"
        hint = f"pip install '{package}', or run in this process: --workers 0"
        raise ImgqlError([Diagnostic("E502", message, help=hint)]) from None


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Keep the handler of Ctrl-C: importing dask-jobqueue replaces it by one that exits."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is not before:
            signal.signal(signal.SIGINT, before)


def distributed() -> Any:
    """Import dask.distributed. Raises ImgqlError if it is not installed."""
    return imported("distributed", "distributed", "workers")


def variables_of(threads: int) -> dict[str, int]:
    """Environment variables that make libraries use this number of threads."""
    return dict.fromkeys(_THREADS, threads)


@contextmanager
def configured(threads: int | None) -> Iterator[None]:
    """Set options of dask while a cohort runs.

    threads  number of threads of each local worker; None: 1

    The environment that dask sets for its workers is replaced as a whole: with dask's
    MALLOC_TRIM_THRESHOLD_ the allocator returns the memory of every image to the system at once and
    requests it again, which made ten times as many page faults, a million in nine cases.
    """
    for_workers = {**variables_of(threads or 1), **_SILENCE}
    options: dict[str, object] = {
        # Dask blames every case sent to a worker that died; voxgpu finds out which one it ran.
        "distributed.scheduler.allowed-failures": 0,
        # The store and the memory budget of voxgpu bound memory; dask must not end workers.
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.terminate": False,
        # Dask's logs of recent messages, for debugging dask, keep in memory what was sent.
        "distributed.admin.low-level-log-length": 100,
        "distributed.admin.log-length": 1000,
        "distributed.admin.system-monitor.log-length": 600,
        "distributed.nanny.pre-spawn-environ": for_workers,
    }
    with (
        import_module("dask").config.set(options),
        _silent("distributed"),
        # Dask sets them in this process, whose environment is that of the user's script.
        _restored([*for_workers, "PYTHONHASHSEED"]),
    ):
        yield


@contextmanager
def _restored(names: Iterable[str]) -> Iterator[None]:
    """Restore these environment variables after the block."""
    before = {name: os.environ.get(name) for name in names}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is not None:
                os.environ[name] = value
            else:
                os.environ.pop(name, None)


@contextmanager
def _silent(library: str) -> Iterator[None]:
    """Silence the log of a library that reports every death of a worker; voxgpu reports it."""
    with _changed_environment("PYTHONWARNINGS", "ignore:resource_tracker:UserWarning"):
        # Otherwise it warns of semaphores that it removes if this process ends abruptly.
        resource_tracker.ensure_running()
    import_module(library)  # sets log levels when it is imported
    names = [name for name in logging.root.manager.loggerDict if name.startswith(library)]
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@contextmanager
def without_ctrl_c() -> Iterator[None]:
    """Keep Ctrl-C from threads and processes started in the block, and from their children.

    A terminal sends it to all of its processes, but only this one decides how a run ends.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _changed_environment(name: str, value: str) -> Iterator[None]:
    """Set an environment variable in the block."""
    with _restored([name]):
        os.environ[name] = value
        yield


def cluster_error(what: str, error: Exception, hint: str = "") -> ImgqlError:
    """The error for a cluster that cannot be started or joined, with the cause in one line."""
    lines = str(error).strip().splitlines()
    reason = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return ImgqlError([Diagnostic("E502", f"{what}: {reason}", help=hint)])
