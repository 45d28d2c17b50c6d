"""The journal of a cohort: rows as they finish, one line each, safe against crashes.

A line is one JSON object. The first says of which program, definitions and combinations the rows
are. Before rows of a case comes a line that says what they were computed from. Rows that are added
together are synchronized with the disk together; a line that a crash cut off is left out when the
journal is read, and overwritten when it goes on.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any, BinaryIO

from voxgpu.cohorts.case_record import CaseRecord
from voxgpu.cohorts.file_lock import take_lock
from voxgpu.cohorts.row import Row
from voxgpu.cohorts.sweep import Combination
from voxgpu.cohorts.whole_lines import whole_bytes
from voxgpu.files.errors import FileError

#: The version of the format, in the first line.
FORMAT = 2

#: The name of the version in the first line.
_NAME = "voxgpu cohort"

Key = tuple[str, Combination]

#: How often a lock is tried, and seconds between that.
_ATTEMPTS, _BETWEEN = 5, 0.05

_NOT_OURS = ("it is no journal of `voxgpu cohort`", "name another table, or move the file away")


class Journal:
    """A journal that rows are added to, by one process at a time.

    path   the file, made if need be
    about  what the rows are of: plain data, equal for runs that go on from one another

    Raises FileError where it cannot be written, or another process writes it.

    started_anew  the name that a journal about something else was given, which was there under
                  this name; None where there was none
    former        what that one was about
    """

    def __init__(self, path: Path, about: Mapping[str, Any], resume: bool = True) -> None:
        self.path = path
        self.started_anew: Path | None = None
        self.about = about
        self.former: Mapping[str, Any] = {}
        self._lock = RLock()
        wanted = _plain({_NAME: FORMAT, "about": about})
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = _locked(path)
            try:
                header = _header(path)
            except FileError:
                self._file.close()
                raise
            if header is not None and (not resume or header != wanted):
                self.former = header.get("about", {})
                self._file, self.started_anew = _put_aside(path, self._file)
                header = None
            self._file.truncate(_whole_bytes(path) if header is not None else 0)
            self._end = self._file.seek(0, os.SEEK_END)
            self._reader = path.open("rb")
        except OSError as error:
            raise _problem(path, error) from None
        if header is None:
            self._append(_line(wanted))

    def entries(self) -> Iterator[tuple[int, CaseRecord | Row]]:
        """Rows in the order they were added, each with its offset, with records before them."""
        return entries_of(self.path)

    def add(self, batch: Iterable[tuple[CaseRecord, Sequence[Row]]]) -> list[int]:
        """Adds the rows of some cases; returns their offsets. They then outlive a crash.

        A later row of a case and combination replaces an earlier one.
        """
        with self._lock:
            offsets, lines, end = [], [], self._end
            for record, rows in batch:
                lines.append(_line(record.as_json()))
                end += len(lines[-1])
                for each in rows:
                    offsets.append(end)
                    lines.append(_line(each.as_json()))
                    end += len(lines[-1])
            self._append(b"".join(lines))
            return offsets

    def note(self, data: Mapping[str, Any]) -> None:
        """Adds a line that is of no row: what a run says of itself."""
        with self._lock:
            self._append(_line(data))

    def at(self, offset: int) -> Row:
        """The row there."""
        with self._lock:
            self._reader.seek(offset)
            return Row.from_json(json.loads(self._reader.readline()))

    def _append(self, data: bytes) -> None:
        left = memoryview(data)
        try:
            while left:
                left = left[self._file.write(left) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            # What was written of it is no whole row for whoever reads on.
            with suppress(OSError):
                self._file.truncate(self._end)
            raise _problem(self.path, error) from None
        self._end += len(data)

    def release(self) -> None:
        """Lets other processes write; rows that are there can still be read."""
        with self._lock:
            self._file.close()

    def close(self) -> None:
        """Lets other processes write; rows cannot be read any more."""
        with self._lock:
            self._reader.close()
            self._file.close()

    def __enter__(self) -> Journal:
        """Returns the journal."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes."""
        self.close()


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    """The header and the lines after it, as plain data; another process may append meanwhile.

    Raises FileError where the file is no journal.
    """
    header = _header(path)
    if header is None:
        raise FileError(str(path), _NOT_OURS[0])
    if header[_NAME] != FORMAT:
        hint = "run the cohort again with this version"
        raise FileError(str(path), "another version of voxgpu wrote this journal", hint)
    yield header
    for _, line in _lines_after_header(path):
        with suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict):
                yield found


def is_locked(path: Path) -> bool | None:
    """Whether a process holds a journal; None where the system does not tell.

    Raises FileError if it cannot be read.
    """
    with _opened(path) as file:
        is_free = take_lock(file, is_shared=True)
    return None if is_free is None else not is_free


def read_journal(path: Path) -> tuple[dict[str, Any], list[Row]]:
    """What a journal is about, and its rows, the last of each key, in the order they were added.

    Also while another process adds to it. Raises FileError where the file is none.
    """
    about = next(lines_of(path))["about"]
    rows = (each for _, each in entries_of(path) if isinstance(each, Row))
    return about, list({each.key: each for each in rows}.values())


def merged(rows: Iterable[Row]) -> list[Row]:
    """Rows of several journals, one of each key: one that succeeded before one that did not."""
    found: dict[Key, Row] = {}
    for row in rows:
        before = found.get(row.key)
        if before is None or (row.is_done and not before.is_done):
            found[row.key] = row
    return sorted(found.values(), key=lambda each: each.place)


def _locked(path: Path) -> Any:
    """The file, open for adding to it without a buffer, and locked."""
    file = path.open("ab", buffering=0)
    # Who asks for the status of a run holds the lock for a moment.
    if take_lock(file, tries=_ATTEMPTS, between=_BETWEEN) is False:
        file.close()
        hint = "wait until it has ended, or name another table"
        raise FileError(str(path), "another run is writing it", hint, "write")
    return file


def _put_aside(path: Path, file: BinaryIO) -> tuple[Any, Path]:
    """Renames a journal to the first free name; returns a new one, locked, and that name."""
    number = 1
    while (other := path.with_name(f"{path.name}.{number}")).exists():
        number += 1
    if os.name == "nt":
        file.close()  # an open file cannot be renamed
    path.rename(other)  # while it is locked: no other run can have begun to write it
    file.close()
    return _locked(path), other


def _header(path: Path) -> dict[str, Any] | None:
    """The first line; None where the file is empty, or that line was cut off.

    Raises FileError where it is that of something else, or the file cannot be read.
    """
    with _opened(path) as file:
        line = file.readline()
    found: Any = None
    with suppress(ValueError):
        found = json.loads(line)
    if isinstance(found, dict) and _NAME in found and line.endswith(b"\n"):
        return found
    # The first line was cut off by a crash: nothing was lost.
    if line.endswith(b"\n") or not f'{{"{_NAME}"'.encode().startswith(line[:16]):
        raise FileError(str(path), *_NOT_OURS)
    return None


def entries_of(path: Path) -> Iterator[tuple[int, CaseRecord | Row]]:
    """Rows of a journal in the order they were added, with offsets, and records before them."""
    for offset, line in _lines_after_header(path):
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            data = json.loads(line)
            is_row = "combination" in data
            yield offset, (Row if is_row else CaseRecord).from_json(data)


def _lines_after_header(path: Path) -> Iterator[tuple[int, bytes]]:
    """The whole lines after the first, each with its offset."""
    with _opened(path) as file:
        offset = len(file.readline())
        for line in file:
            if not line.endswith(b"\n"):
                break
            yield offset, line
            offset += len(line)


def _whole_bytes(path: Path) -> int:
    with _opened(path) as file:
        return whole_bytes(file.fileno(), file.seek(0, os.SEEK_END))


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise FileError(str(path), error.strerror or str(error)) from None


def _problem(path: Path, error: OSError) -> FileError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    hint = "make room there" if full else "name a table in a folder that you may write to: --table"
    reason = (error.strerror or str(error)).lower()
    return FileError(str(path), reason, f"{hint}; the same command goes on", "write")


def _line(data: Mapping[str, Any]) -> bytes:
    # Names of files that are no text have surrogates, which become escapes of JSON.
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _plain(data: Any) -> Any:
    return json.loads(json.dumps(data))
