"""The libraries of clusters: imported where they are used, and how they are set up."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import resource_tracker
from typing import Any

from voxgpu.diagnostics import Diagnostic, ImgqlError

#: Seconds until a worker ends by itself whose scheduler is gone.
DEATH_TIMEOUT = 60

#: The variables from which libraries take their number of threads when they are loaded.
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

#: What workers that this process starts do not tell.
_SILENCE = {"DASK_LOGGING__DISTRIBUTED": "critical"}


def imported(name: str, package: str, what: str) -> Any:
    """A library. Raises ImgqlError where it is not installed.

    package  what to install then
    what     what needs it, for people: ``workers``
    """
    try:
        return import_module(name)
    except ImportError as error:
        missing = getattr(error, "name", None) or name
        message = f"{what} need {name}, and `{missing}` is not installed"
        hint = f"pip install '{package}', or run in this process: --workers 0"
        raise ImgqlError([Diagnostic("E502", message, help=hint)]) from None


def distributed() -> Any:
    """The library dask.distributed. Raises ImgqlError where it is not installed."""
    return imported("distributed", "distributed", "workers")


def variables_of(threads: int) -> dict[str, int]:
    """Variables of the environment with which libraries take so many threads."""
    return dict.fromkeys(_THREADS, threads)


@contextmanager
def configured(threads: int | None) -> Iterator[None]:
    """Sets options of dask while a cohort runs, with workers of so many threads.

    Dask's own variables of workers are replaced as a whole: its MALLOC_TRIM_THRESHOLD_ makes the
    allocator give every image back to the system at once and take it again, a million page faults
    in nine cases of a program that has a tenth of that without it.
    """
    options: dict[str, object] = {
        # Dask blames every case that a dead worker had been sent; we find out which it was.
        "distributed.scheduler.allowed-failures": 0,
        # Our store and budgets bound memory; whoever ends a worker at a limit would not know.
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.terminate": False,
        # Logs of the last messages, for whoever looks for mistakes in dask, hold what was sent.
        "distributed.admin.low-level-log-length": 100,
        "distributed.admin.log-length": 1000,
        "distributed.admin.system-monitor.log-length": 600,
        "distributed.nanny.pre-spawn-environ": {**variables_of(threads or 1), **_SILENCE},
    }
    with import_module("dask").config.set(options), _silent("distributed"):
        yield


@contextmanager
def _silent(library: str) -> Iterator[None]:
    """Shows no messages of a library that tells of every worker that dies: we do so ourselves."""
    with _changed_environment("PYTHONWARNINGS", "ignore:resource_tracker:UserWarning"):
        # It would tell of semaphores that it removes when this process ends at once.
        resource_tracker.ensure_running()
    import_module(library)  # which sets levels of its own
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
    """Keeps Ctrl-C from threads and processes that are started in the block, and from theirs.

    In a terminal it reaches all processes, while the one that asked decides what it means.
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
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before


def cluster_error(what: str, error: Exception, hint: str = "") -> ImgqlError:
    """The diagnostic of a cluster that cannot be started or joined."""
    lines = str(error).strip().splitlines()
    reason = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return ImgqlError([Diagnostic("E502", f"{what}: {reason}", help=hint)])
