"""The log of a cohort: a JSON object a line for everything that happens while it is run.

Every line has ``time`` (ISO 8601, UTC, by the clock of the computer where it happened), ``event``,
and what is known of it: ``docs/cohorts.md`` lists the fields. A line is written by one call of the
system to the end of the file, so that it is whole even where the process is killed, and where
several processes of one computer write the same log.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from types import TracebackType

from voxgpu.cohorts.events import Event
from voxgpu.files.errors import FileError


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
            self._cut = _ends_within_a_line(self._file)
        except OSError as error:
            raise self._error(error) from None

    def add(self, event: Event) -> None:
        """Add an event."""
        line = line_of(event)
        with self._lock:
            if self.problem is not None or self._file < 0:
                return
            # What another process left of a line, on a full disk, is closed.
            data = b"\n" + line if self._cut else line
            try:
                written = os.write(self._file, data)
            except OSError as error:
                self.problem = self._error(error)
                return
            self._cut = written < len(data)
            if self._cut:
                self.problem = FileError(str(self._path), "the disk is full", "", "write")

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


def _ends_within_a_line(file: int) -> bool:
    size = os.lseek(file, 0, os.SEEK_END)
    if size == 0:
        return False
    os.lseek(file, size - 1, os.SEEK_SET)
    return os.read(file, 1) != b"\n"
