"""The log of a cohort: a JSON object a line for everything that happens while it is run.

Every line has ``time`` (ISO 8601, UTC, by the clock of the computer where it happened), ``event``,
and what is known of it: ``docs/cohorts.md`` lists the fields.

Lines are whole even where processes are killed, and several write the same log. A process that is
killed while it writes may have written part of it, up to the end of a page of memory. So lines up
to a page long lie in one page: spaces are put before those that would not. What is left of a longer
one is removed by whoever writes next; writers take turns, by a lock on the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from types import TracebackType

from voxgpu.cohorts.events import Event
from voxgpu.cohorts.file_lock import release_lock, take_lock
from voxgpu.cohorts.whole_lines import whole_bytes
from voxgpu.files.errors import FileError

#: Bytes of a page of memory, of which a killed process writes all or nothing.
_PAGE = 4096

#: How often the lock is tried, and seconds between that.
_ATTEMPTS, _BETWEEN = 100, 0.01


class EventLog:
    """A log that events are added to, from any thread.

    Raises FileError where the file cannot be written. A log that cannot be written any more while
    the cohort runs, on a full disk for instance, does not end it: ``problem`` says why it ends.
    """

    def __init__(self, path: Path) -> None:
        self.problem: FileError | None = None
        self._path = path
        self._lock = Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | _BINARY, 0o666)
        except OSError as error:
            raise self._error(error) from None

    def add(self, event: Event) -> None:
        """Add an event."""
        line = line_of(event)
        with self._lock:
            if self.problem is not None or self._file < 0:
                return
            try:
                with _turn(self._file) as is_ours:
                    _append(self._file, line, is_ours)
            except OSError as error:
                self.problem = self._error(error)

    def close(self) -> None:
        """Close the file; later events are left out."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
            self._file = -1

    def _error(self, error: OSError) -> FileError:
        return FileError(str(self._path), error.strerror or str(error), "", "write")

    def __enter__(self) -> EventLog:
        """Return the log."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()


_BINARY = getattr(os, "O_BINARY", 0)  # Windows


def line_of(event: Event) -> bytes:
    """The line of an event."""
    time = datetime.fromtimestamp(event.time, UTC).isoformat(timespec="milliseconds")
    return json.dumps({"time": time, "event": event.kind, **event.data}).encode() + b"\n"


@contextmanager
def _turn(file: int) -> Iterator[bool]:
    """Hold the lock of a file; yield whether it is held: not every file system has locks.

    Who is stopped while it holds the lock keeps nobody else waiting for longer than a second.
    """
    is_ours = bool(take_lock(file, tries=_ATTEMPTS, between=_BETWEEN))
    try:
        yield is_ours
    finally:
        if is_ours:
            release_lock(file)


def _append(file: int, line: bytes, is_ours: bool) -> None:
    """Write a line to the end of a file. Raises OSError if that is impossible.

    is_ours  whether nobody else writes
    """
    end = 0
    if is_ours:
        with suppress(OSError):  # a pipe or a terminal has none
            end = os.lseek(file, 0, os.SEEK_END)
    whole = whole_bytes(file, end)
    if whole < end:
        os.ftruncate(file, whole)
    room = -whole % _PAGE
    if is_ours and room < len(line) <= _PAGE:
        _write(file, b" " * room)
    _write(file, line)


def _write(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]
