"""The thread that compiles and runs programs, one at a time, in one session that keeps values.

A run uses all cores, so that two at once would each take twice as long and twice the memory. Values
that somebody waits for come before what remains of runs.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from queue import PriorityQueue
from typing import Any, TypeVar

from voxgpu.backends.select import Selection
from voxgpu.cancellation import Cancelled, cancelled_by
from voxgpu.execution.events import Event
from voxgpu.execution.outputs import Printed
from voxgpu.session import Session, open_session
from voxgpu.session_settings import SessionListeners, SessionSettings

Result = TypeVar("Result")

#: Priorities of jobs: a single value, a case of a run, the end.
URGENT, USUAL, LAST = 0, 1, 2


class JobCancelled(BaseException):
    """Raised in a job that is no longer wanted; no ``Exception``, so that a run ends with it."""


class JobListener:
    """What a job is told while it computes; does nothing by itself."""

    def printed(self, printed: Printed) -> None:
        """Take a print."""

    def observe(self, event: Event) -> None:
        """Take an event of the run."""


class Job:
    """Access to the session for one job.

    listener  is told what happens
    """

    def __init__(self, opened: Callable[[], Session], is_cancelled: threading.Event) -> None:
        self.listener = JobListener()
        self._opened, self._is_cancelled = opened, is_cancelled

    @property
    def session(self) -> Session:
        """The session. Raises ImgqlError where none can be opened."""
        return self._opened()

    def check(self) -> None:
        """Raise JobCancelled if the job is no longer wanted."""
        if self._is_cancelled.is_set():
            raise JobCancelled


class ComputeThread:
    """Runs jobs in the order of their priorities.

    settings  of the session; programs write no files, and values are kept
    device    the name of the device that computed last; empty before
    """

    def __init__(self, settings: SessionSettings) -> None:
        self._settings = replace(settings, output=None, keep_values=True, keep_images=True)
        self.device = ""
        self._job: Job | None = None
        self._session: Session | None = None
        self._numbers = itertools.count()
        self._queue: PriorityQueue[tuple[int, int, Callable[[], bool]]] = PriorityQueue()
        # A daemon: what cannot be cancelled must not keep the process from ending.
        self._thread = threading.Thread(target=self._work, name="compute", daemon=True)
        self._thread.start()

    def submit(
        self,
        job: Callable[[Job], Result],
        priority: int = USUAL,
        cancelled: threading.Event | None = None,
    ) -> Future[Result]:
        """Run a function on the thread; JobCancelled is its exception once ``cancelled`` is set.

        A job that has not started can also be cancelled by its future.
        """
        future: Future[Result] = Future()
        event = cancelled or threading.Event()

        def perform() -> bool:
            if future.set_running_or_notify_cancel():
                self._perform(job, event, future)
            return True

        self._queue.put((priority, next(self._numbers), perform))
        return future

    def close(self, seconds: float) -> None:
        """End the thread after the jobs that are waiting; give up after some seconds."""
        self._queue.put((LAST, next(self._numbers), self._end))
        self._thread.join(seconds)

    def _work(self) -> None:
        while self._queue.get()[2]():
            pass

    def _end(self) -> bool:
        if self._session is not None:
            self._session.close()
        return False

    def _perform(
        self, job: Callable[[Job], Any], event: threading.Event, future: Future[Any]
    ) -> None:
        try:
            self._job = Job(self._opened, event)
            if self._session is not None:
                # What an earlier job has left, if it was cancelled.
                self._session.deliver_to(None, self._settings.roots)
            with cancelled_by(event):
                self._job.check()
                result = job(self._job)
        except Cancelled:
            future.set_exception(JobCancelled())
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)
        finally:
            self._job = None

    def _opened(self) -> Session:
        if self._session is None:
            listeners = SessionListeners(
                on_print=self._printed, on_device=self._chosen, observe=self._observe
            )
            self._session = open_session(self._settings, listeners)
        return self._session

    def _printed(self, printed: Printed) -> None:
        if self._job is not None:
            self._job.listener.printed(printed)

    def _observe(self, event: Event) -> None:
        if self._job is not None:
            self._job.check()
            self._job.listener.observe(event)

    def _chosen(self, chosen: Selection) -> None:
        self.device = chosen.name
