"""What a forked process starts with: only the thread that forked, and copies of all locks.

A lock that another thread held stays locked in the child for ever, and threads of a pool are not
there. Locks around what cannot be made anew, such as LLVM's state, are taken before the fork, so
that nobody is in the middle of something; everything else is made anew in the child. Python keeps
a lock for each module that is being imported: a fork waits for the imports that voxgpu began.
"""

from __future__ import annotations

import concurrent.futures.thread  # noqa: F401 - see below
import os
import sys
import time
from collections.abc import Callable
from importlib import _bootstrap
from threading import get_ident
from types import FrameType
from typing import Protocol
from weakref import WeakSet


class HasThreads(Protocol):
    """What has locks or threads that a child needs anew."""

    def after_fork(self) -> None:
        """Is called in the child, before it has other threads."""


class Lock(Protocol):
    """A lock that the thread that has it may take again, such as ``RLock``."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Waits so many seconds; whether the caller has it."""

    def release(self) -> None:
        """Gives it back."""


_RENEWED: WeakSet[HasThreads] = WeakSet()
_HELD: list[Lock] = []

#: What a fork has taken, in this order.
_taken: list[Callable[[], object]] = []

#: Seconds that a fork waits: other threads may wait for what the thread that forks has, and then
#: the child gets what it would without us.
_LONGEST = 30.0


def hold_while_forking(lock: Lock) -> None:
    """Takes a lock before each fork."""
    _HELD.append(lock)


def call_in_child(function: Callable[[], object]) -> None:
    """Calls a function in each child, before it has other threads."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=function)


def renew_in_child(thing: HasThreads) -> None:
    """Calls ``after_fork`` of a thing in each child, as long as somebody has it."""
    _RENEWED.add(thing)


def _before() -> None:
    """Waits until no thread is within a lock or an import of ours, and keeps them from both."""
    end = time.monotonic() + _LONGEST
    while not _take() and time.monotonic() < end:
        _give_back()  # others may need one of what was taken to go on
        time.sleep(0.001)


def _take() -> bool:
    """Takes all locks, in any order; whether it has them, and nobody imports."""
    for lock in _HELD:
        if not lock.acquire(timeout=0.05):
            return False
        _taken.append(lock.release)
    # Python takes this one for a moment when it begins to import: then nobody begins.
    import _imp

    _imp.acquire_lock()
    _taken.append(_imp.release_lock)
    return not _others_import()


def _give_back() -> None:
    while _taken:
        _taken.pop()()


def _others_import() -> bool:
    """Whether another thread is within an import that voxgpu began, or of a part of voxgpu."""
    ours = any(
        getattr(getattr(module, "__spec__", None), "_initializing", False)
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] == "voxgpu"
    )
    me = get_ident()
    return any(
        _imports(frame, ours) for thread, frame in sys._current_frames().items() if thread != me
    )


def _imports(frame: FrameType | None, ours: bool) -> bool:
    """Whether a thread that is at this frame is within an import.

    ours  whether any import counts, or only one that a function of voxgpu began
    """
    importing = False
    while frame is not None:
        if frame.f_globals is _bootstrap.__dict__:
            importing = True
            if ours:
                return True
        elif importing and str(frame.f_globals.get("__name__")).partition(".")[0] == "voxgpu":
            return True
        frame = frame.f_back
    return False


def _renew() -> None:
    _give_back()
    for each in list(_RENEWED):
        each.after_fork()


# What is told last is called first before a fork, and what it takes is given back last: so locks of
# the modules imported above, which others need to import, are free while it waits.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_give_back, after_in_child=_renew)
