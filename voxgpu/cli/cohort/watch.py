"""Observers of a running cohort: the log, and the progress in lines."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event as Signal
from threading import RLock, Thread
from typing import TYPE_CHECKING

from voxgpu.cli.terminal import print_stderr
from voxgpu.files.errors import FileError

if TYPE_CHECKING:
    from voxgpu.cohorts.events import Event
    from voxgpu.cohorts.log import EventLog
    from voxgpu.cohorts.row import Row
    from voxgpu.cohorts.run import Cohort
    from voxgpu.cohorts.tally import Tally

#: Seconds between two lines where there is no terminal.
INTERVAL = 30.0

#: Failures of one kind that are told at most.
_MOST_FAILURES = 5


class Watch:
    """Observer of a run; this one logs it and shows nothing."""

    def __init__(self, log: EventLog | None = None) -> None:
        self._log = log
        self._lock = RLock()
        self._tally: Tally | None = None
        self._noun = "rows"
        self._set_aside: set[str] = set()
        self._start = time.monotonic()
        self._note_run: Callable[[Event], None] = self._note

    @contextmanager
    def during(
        self, cohort: Cohort, total: int, known: int, note: Callable[[Event], None]
    ) -> Iterator[None]:
        """Show the run of a cohort while the block lasts.

        total, known  rows that there are in the end, and that were there before
        note          is told that the run begins and ends
        """
        self._note_run = note
        self._begin(cohort, total, known)
        try:
            yield
        except BaseException as error:
            self._end(error)
            raise
        self._end(None)

    def _begin(self, cohort: Cohort, total: int, known: int) -> None:
        from voxgpu.cohorts.status import run_begins
        from voxgpu.cohorts.tally import Tally

        with self._lock:
            self._start = time.monotonic()
            self._noun = "rows" if len(cohort.combinations) > 1 else "cases"
            self._tally = Tally(total, known, self._start, self._noun)
        event = run_begins(cohort, total, known)
        self._note(event)
        self._note_run(event)
        self._show_begin()

    def tell(self, event: Event) -> None:
        """Note an event, in any thread."""
        self._note(event)

    def row(self, row: Row) -> None:
        """Note a row that has ended."""
        from voxgpu.cohorts.events import CASE_SET_ASIDE, happened, process_data
        from voxgpu.cohorts.row import DONE, SET_ASIDE

        with self._lock:
            if self._tally is not None:
                self._tally.add(row.status != DONE, time.monotonic())
            is_new = row.status == SET_ASIDE and row.case not in self._set_aside
            if is_new:
                self._set_aside.add(row.case)
        if is_new:
            # Workers died of it, and could not tell that it ended.
            about = {"case": row.case, "status": row.status, "error": row.error}
            self._note(happened(CASE_SET_ASIDE, **about, **process_data("")))

    def _end(self, error: BaseException | None) -> None:
        from voxgpu.cohorts.status import run_ends

        with self._lock:
            if self._tally is None:
                return
            standing = self._tally.standing(time.monotonic())
        counts = {"done": standing.done, "failed": standing.failed, "left": standing.left}
        event = run_ends(error, time.monotonic() - self._start, **counts)
        self._note(event)
        self._show_end()
        with suppress(FileError):  # a full disk, which rows have met before
            self._note_run(event)

    def _note(self, event: Event) -> None:
        if self._log is not None:
            self._log.add(event)

    def _show_begin(self) -> None:
        """Show that the cohort begins."""

    def _show_end(self) -> None:
        """Show how it has ended."""


class Lines(Watch):
    """Shows a line at the beginning, every half minute, and in the end; and failures."""

    def __init__(self, log: EventLog | None = None, interval: float = INTERVAL) -> None:
        super().__init__(log)
        self._interval = interval
        self._ended = Signal()
        self._thread = Thread(target=self._speak, name="progress", daemon=True)
        self._told: set[tuple[str, str]] = set()
        self._kinds: Counter[str] = Counter()

    def tell(self, event: Event) -> None:
        """Note an event; say what people want to know: where cases run, and where to look at it."""
        from voxgpu.cohorts.events import NOTE, WORKER_LOST, WORKERS_START

        super().tell(event)
        if event.kind == NOTE:
            print_stderr(event.data["text"])
        if event.kind == WORKERS_START and event.data.get("dashboard"):
            print_stderr(f"dashboard: {event.data['dashboard']}")
        if event.kind == WORKER_LOST:
            print_stderr(f"worker {event.data['worker']} on {event.data['host']} was lost")

    def row(self, row: Row) -> None:
        """Note a row that has ended; say what is wrong where it failed."""
        from voxgpu.cohorts.row import DONE
        from voxgpu.cohorts.summary import without_name

        super().row(row)
        if row.status == DONE or (row.case, row.error) in self._told:
            return
        self._told.add((row.case, row.error))
        kind = without_name(row.error, row.case)
        self._kinds[kind] += 1
        if self._kinds[kind] <= _MOST_FAILURES:
            print_stderr(f"{row.case}: {row.error}")
        elif self._kinds[kind] == _MOST_FAILURES + 1:
            print_stderr(f"{row.case} and perhaps others: as before; the table has them all")

    def _show_begin(self) -> None:
        self._say()
        self._thread.start()

    def _show_end(self) -> None:
        from voxgpu.cohorts.tally import duration

        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._tally is not None:
            now = time.monotonic()
            print_stderr(f"{self._tally.standing(now)}, in {duration(now - self._start)}")

    def _speak(self) -> None:
        while not self._ended.wait(self._interval):
            self._say()

    def _say(self) -> None:
        with self._lock:
            if self._tally is not None:
                print_stderr(str(self._tally.standing(time.monotonic())))
