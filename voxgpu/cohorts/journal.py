"""The journal of a cohort: rows as they finish, one line each, safe against crashes.

A line is one JSON object. The first says of which program, definitions and combinations the rows
are. Each line is written at once and synchronized with the disk before the next begins; a line
that a crash cut off is left out when the journal is read, and overwritten when it goes on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from voxgpu.cohorts.row import Row
from voxgpu.cohorts.sweep import Combination
from voxgpu.files.errors import FileError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

#: The version of the format, in the first line.
FORMAT = 1

Key = tuple[str, Combination]


class Journal:
    """A journal that rows are added to, by one process at a time.

    path   the file, made if need be
    about  what the rows are of: plain data, equal for runs that go on from one another

    Raises FileError where it cannot be written, or another process writes it. ``started_anew`` is
    the name that a journal about something else was given, which was there under this name.
    """

    def __init__(self, path: Path, about: Mapping[str, Any], resume: bool = True) -> None:
        self.path = path
        self.rows: dict[Key, Row] = {}
        self.started_anew: Path | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = _locked(path)
        except OSError as error:
            raise FileError(str(path), error.strerror or str(error), "", "write") from None
        header, rows, whole = _parsed(path)
        if header is not None and (not resume or header.get("about") != _plain(about)):
            self._file.close()
            self.started_anew = _put_aside(path)
            self._file = _locked(path)
            header, rows, whole = None, [], 0
        self._file.truncate(whole)
        if header is None:
            self._write({"voxgpu cohort": FORMAT, "about": about})
        self.rows = {each.key: each for each in rows}

    def add(self, row: Row) -> None:
        """Adds a row; afterwards it outlives a crash. A later row of its key replaces it."""
        self._write(row.as_json())
        self.rows[row.key] = row

    def _write(self, data: Mapping[str, Any]) -> None:
        line = json.dumps(data, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        try:
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            reason = error.strerror or str(error)
            raise FileError(str(self.path), reason, "make room there", "write") from None

    def close(self) -> None:
        """Lets other processes write."""
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


def read_journal(path: Path) -> tuple[dict[str, Any], list[Row]]:
    """What a journal is about, and its rows, the last of each key, in the order they were added.

    Also while another process adds to it. Raises FileError where the file is none.
    """
    header, rows, _ = _parsed(path)
    if header is None:
        raise FileError(str(path), "it is no journal of `voxgpu cohort`")
    return header["about"], list({each.key: each for each in rows}.values())


def merged(rows: Iterable[Row]) -> list[Row]:
    """Rows of several journals, one of each key: one that succeeded before one that failed."""
    found: dict[Key, Row] = {}
    for row in rows:
        before = found.get(row.key)
        if before is None or (before.status, row.status) == ("failed", "done"):
            found[row.key] = row
    return sorted(found.values(), key=lambda each: each.place)


def _locked(path: Path) -> Any:
    file = path.open("ab")
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            hint = "wait until it has ended, or name another table"
            raise FileError(str(path), "another run is writing it", hint, "write") from None
        except OSError:
            pass  # a file system without locks
    return file


def _put_aside(path: Path) -> Path:
    """Renames a journal to the first free name; returns that."""
    number = 1
    while True:
        other = path.with_name(f"{path.name}.{number}")
        if not other.exists():
            path.rename(other)
            return other
        number += 1


def _parsed(path: Path) -> tuple[dict[str, Any] | None, list[Row], int]:
    """What the journal is about, None where the file is empty; its rows; bytes of whole lines.

    Raises FileError where the first line is that of something else.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FileError(str(path), error.strerror or str(error)) from None
    header, rows, whole = None, [], 0
    for line in data.splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        found: Any = None
        with suppress(ValueError):
            found = json.loads(line)
        if header is None:
            if not isinstance(found, dict) or found.get("voxgpu cohort") != FORMAT:
                hint = "name another table, or move the file away"
                raise FileError(str(path), "it is no journal of `voxgpu cohort`", hint)
            header = found
        else:
            with suppress(ValueError, TypeError, KeyError, AttributeError):
                rows.append(Row.from_json(found))
        whole += len(line)
    if header is None and data:
        # The first line was cut off by a crash: nothing was lost.
        hint = "name another table, or move the file away"
        if not b'{"voxgpu cohort"'.startswith(data[:16]):
            raise FileError(str(path), "it is no journal of `voxgpu cohort`", hint)
    return header, rows, whole


def _plain(data: Any) -> Any:
    return json.loads(json.dumps(data))
