"""Fork safety: locks and threads in forked child processes.

A child inherits only the forking thread, with copies of all locks. A lock held by another thread
would stay locked in the child forever, and thread pools are gone. Locks around state that cannot be
recreated, such as LLVM's, are acquired before the fork, so that no thread is inside; everything
else is recreated in the child. Python holds a lock for each module being imported, so a fork waits
for imports that voxgpu started.
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
    """An object with locks or threads that must be recreated in a child."""

    def after_fork(self) -> None:
        """Called in the child before it has other threads."""


class Lock(Protocol):
    """A reentrant lock, such as ``RLock``."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Waits up to ``timeout`` seconds; returns whether the lock was acquired."""

    def release(self) -> None:
        """Releases the lock."""


_RENEWED: WeakSet[HasThreads] = WeakSet()
_HELD: list[Lock] = []

#: The release functions of what a fork has acquired, in order.
_release_functions: list[Callable[[], object]] = []

#: Maximum seconds that a fork waits. Other threads may be waiting for locks of the forking thread;
#: the child then starts without these guarantees.
_LONGEST = 30.0


def hold_while_forking(lock: Lock) -> None:
    """Registers a lock to be acquired before each fork."""
    _HELD.append(lock)


def call_in_child(function: Callable[[], object]) -> None:
    """Registers a function to be called in each child, before it has other threads."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=function)


def renew_in_child(thing: HasThreads) -> None:
    """Calls ``after_fork`` of an object in each child, for as long as the object is referenced."""
    _RENEWED.add(thing)


def _before_fork() -> None:
    """Waits until no thread is inside a lock or an import of voxgpu, and keeps them out."""
    end = time.monotonic() + _LONGEST
    while not _acquire_all() and time.monotonic() < end:
        _release_all()  # other threads may need one of the acquired locks to proceed
        time.sleep(0.001)


def _acquire_all() -> bool:
    """Acquires all locks; returns whether it succeeded and no other thread is importing."""
    for lock in _HELD:
        if not lock.acquire(timeout=0.05):
            return False
        _release_functions.append(lock.release)
    # Python acquires this lock at the start of every import, so holding it prevents new ones.
    import _imp

    _imp.acquire_lock()
    _release_functions.append(_imp.release_lock)
    return not _others_import()


def _release_all() -> None:
    while _release_functions:
        _release_functions.pop()()


def _others_import() -> bool:
    """Returns whether another thread is in an import started by voxgpu, or of a part of voxgpu."""
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
    """Returns whether a thread with this frame is inside an import.

    ours  whether any import counts, or only those started by a function of voxgpu
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
    _release_all()
    for each in list(_RENEWED):
        each.after_fork()


# The hook registered last is called first before a fork, and what it acquires is released last. The
# locks of the modules imported above, which others need to import, are thus free while it waits.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_release_all, after_in_child=_renew)
