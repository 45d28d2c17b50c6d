"""How are values written without the computation waiting? By a thread that gives way to it."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from voxgpu.forking import renew_in_child

#: How much less than the computation the thread that writes gets where both want a core.
_NICENESS = 10


class BackgroundWriter:
    """Does jobs one after the other on a thread of its own.

    most  bytes that values which wait to be written may take
    """

    def __init__(self, most: int) -> None:
        self._most = most
        #: What went wrong, each thing once.
        self.failures: dict[str, None] = {}
        self._jobs: deque[tuple[int, Callable[[], object]]] = deque()
        self._bytes = 0
        self._busy = False
        self._ending = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        renew_in_child(self)

    def after_fork(self) -> None:
        """Starts anew in a forked process: what waits is written by the parent."""
        self._changed = threading.Condition()
        self._jobs = deque()
        self._bytes, self._busy, self._thread = 0, False, None

    def set_limit(self, most: int) -> None:
        """Lets values that wait take at most so many bytes."""
        self._most = most

    @property
    def bytes(self) -> int:
        """Bytes that wait."""
        return self._bytes

    def submit(self, size: int, job: Callable[[], object], must: bool) -> bool:
        """Takes a job that holds so many bytes until it is done; whether it was taken.

        must  wait until there is room rather than refuse
        """
        with self._changed:
            while self._bytes and self._bytes + size > self._most:
                if not must:
                    return False
                self._changed.wait()
            self._jobs.append((size, job))
            self._bytes += size
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="store", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return True

    def drain(self) -> None:
        """Waits until everything is written."""
        with self._changed:
            while self._jobs or self._busy:
                self._changed.wait()

    def close(self) -> None:
        """Writes the rest and ends the thread."""
        self.drain()
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def cancel_pending(self) -> None:
        """Forgets what was not begun, as after Ctrl-C."""
        with self._changed:
            self._bytes -= sum(size for size, _ in self._jobs)
            self._jobs.clear()
            self._changed.notify_all()

    def _work(self) -> None:
        _give_way()
        while True:
            with self._changed:
                while not self._jobs:
                    if self._ending:
                        return
                    self._changed.wait()
                size, job = self._jobs.popleft()
                self._busy = True
            try:
                job()
            except Exception as error:
                # The run goes on without what could not be kept, and says so.
                self.failures[f"{type(error).__name__}: {error}"] = None
            finally:
                del job
                with self._changed:
                    self._bytes -= size
                    self._busy = False
                    self._changed.notify_all()


def _give_way() -> None:
    """Lowers the priority of this thread; only Linux does that for one thread of a process."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
