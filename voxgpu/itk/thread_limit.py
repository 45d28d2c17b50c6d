"""Limits on the threads of SimpleITK while programs run.

ITK counts the cores of the computer, whatever this process may use of them. Its number of threads
is one for the process: it is changed while a program runs and restored afterwards, so that other
code in the process, which may use SimpleITK too, keeps its own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

from voxgpu.forking import call_in_child, hold_while_forking

#: The variable from which ITK takes its number of threads when it is loaded.
VARIABLE = "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"

_LOCK = RLock()
hold_while_forking(_LOCK)

#: The limits in force; the last one applies.
_limits: list[tuple[object, int]] = []

#: The number of threads of SimpleITK before the first limit; empty while no limit is applied.
_before: list[int] = []


@contextmanager
def limited_threads(count: int | None, default: int) -> Iterator[None]:
    """Limit the threads of SimpleITK within the block; does not load SimpleITK.

    count    the threads that were asked for; None: ``default``, unless the environment says how
             many threads ITK takes
    default  the cores that this process may use
    """
    if count is None and os.environ.get(VARIABLE):
        yield
        return
    limit = (object(), count or default)
    try:
        with _LOCK:
            _limits.append(limit)
            _apply(_loaded())
        yield
    finally:
        with _LOCK:
            if limit in _limits:  # not in a process that was forked meanwhile
                _limits.remove(limit)
                _apply(_loaded())


def apply_limit(process: Any) -> None:
    """Apply the limit in force to SimpleITK, which may just have been loaded.

    process  ``SimpleITK.ProcessObject``
    """
    if _limits and not _before:
        with _LOCK:
            _apply(process)


def _apply(process: Any | None) -> None:
    if process is None:
        return
    if _limits:
        if not _before:
            _before.append(int(process.GetGlobalDefaultNumberOfThreads()))
        process.SetGlobalDefaultNumberOfThreads(_limits[-1][1])
    elif _before:
        process.SetGlobalDefaultNumberOfThreads(_before.pop())


def _loaded() -> Any | None:
    """``SimpleITK.ProcessObject``; None unless SimpleITK is fully loaded."""
    return getattr(sys.modules.get("SimpleITK"), "ProcessObject", None)


def _restore_in_child() -> None:
    """Drop the limits of the parent's programs, which do not run in a forked process."""
    _limits.clear()
    _apply(_loaded())


call_in_child(_restore_in_child)
