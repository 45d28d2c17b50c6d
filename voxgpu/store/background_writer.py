"""Background writing: a low-priority thread that stores values while the computation goes on."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from voxgpu.forking import renew_in_child
from voxgpu.spans import span

#: Niceness added to the writer thread, so that the computation gets the cores first.
_NICENESS = 10


class BackgroundWriter:
    """Executes jobs in order on a thread of its own.

    limit  bytes that values waiting to be written may take
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        #: Error messages, each once; an ordered set.
        self.failures: dict[str, None] = {}
        self._jobs: deque[tuple[int, Callable[[], object], str]] = deque()
        self._bytes = 0
        self._busy = False
        self._ending = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        renew_in_child(self)

    def after_fork(self) -> None:
        """Start anew in a forked process: the parent writes the pending jobs."""
        self._changed = threading.Condition()
        self._jobs = deque()
        self._bytes, self._busy, self._thread = 0, False, None

    def set_limit(self, limit: int) -> None:
        """Set the number of bytes that pending values may take."""
        self._limit = limit

    @property
    def bytes(self) -> int:
        """Bytes of the pending values."""
        return self._bytes

    def submit(self, size: int, job: Callable[[], object], must: bool, value: str = "") -> bool:
        """Submit a job that holds ``size`` bytes until it is done; returns whether it was accepted.

        must   wait until there is room rather than refuse
        value  the id of what it writes, for profiles
        """
        with self._changed:
            while self._bytes and self._bytes + size > self._limit:
                if not must:
                    return False
                self._changed.wait()
            self._jobs.append((size, job, value))
            self._bytes += size
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="store", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return True

    def drain(self) -> None:
        """Wait until all jobs are done."""
        with self._changed:
            while self._jobs or self._busy:
                self._changed.wait()

    def close(self) -> None:
        """Finish all jobs and end the thread."""
        self.drain()
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def cancel_pending(self) -> None:
        """Drop the jobs that have not started, as after Ctrl-C."""
        with self._changed:
            self._bytes -= sum(size for size, *_ in self._jobs)
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
                size, job, value = self._jobs.popleft()
                self._busy = True
            try:
                with span("writing to the store", "values", value=value):
                    job()
            except Exception as error:
                # The run goes on without the values that could not be stored, and reports it.
                self.failures[f"{type(error).__name__}: {error}"] = None
            finally:
                del job
                with self._changed:
                    self._bytes -= size
                    self._busy = False
                    self._changed.notify_all()


def _give_way() -> None:
    """Lower the priority of this thread; only Linux supports that for a single thread."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
