"""What is known of files that were read before? Digests and headers, as long as they are the same.

A file is the same where its path, size, time of modification in ns, and inode are. Who restores
the time of a file that was changed is not noticed, unless digests are verified.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from contextlib import suppress
from typing import Any

from voxgpu.files.digest import YOUNGEST_REMEMBERED_NANOSECONDS, FileState
from voxgpu.files.header import Header
from voxgpu.image import Grid
from voxgpu.store.index import Index

#: Bump when the reader of headers would say something else of the same files.
_HEADER_VERSION = 3


class SeenFiles:
    """Remembers digests and headers in the index of a store."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def digest(self, state: FileState) -> str | None:
        """The digest of a file in this state."""
        with suppress(sqlite3.Error):
            query = "SELECT size, modified, inode, digest FROM files WHERE path = ?"
            found = self._index.connection.execute(query, (_text(state[0]),)).fetchone()
            if found is not None and tuple(found[:3]) == state[1:]:
                return str(found[3])
        return None

    def note_digest(self, state: FileState, digest: str) -> None:
        """A file in this state has this digest."""
        if not self._index.read_only:
            with suppress(sqlite3.Error), self._index.writing() as connection:
                values = (_text(state[0]), *state[1:], digest, time.time())
                connection.execute("INSERT OR REPLACE INTO files VALUES(?, ?, ?, ?, ?, ?)", values)

    def header(self, place: str) -> Header | None:
        """The header of the image there, if all of its files are as they were."""
        with suppress(sqlite3.Error, OSError, ValueError, KeyError, TypeError):
            query = "SELECT state, header FROM headers WHERE path = ?"
            found = self._index.connection.execute(query, (_text(place),)).fetchone()
            if found is not None:
                header = _header(json.loads(found[1]))
                return header if _states(header) == found[0] else None
        return None

    def note_header(self, place: str, header: Header) -> None:
        """The image there has this header."""
        if self._index.read_only or _is_young(header):
            return
        with suppress(sqlite3.Error, OSError), self._index.writing() as connection:
            values = (_text(place), _states(header), json.dumps(_described(header)), time.time())
            connection.execute("INSERT OR REPLACE INTO headers VALUES(?, ?, ?, ?)", values)


def _states(header: Header) -> str:
    states = [
        (path, status.st_size, status.st_mtime_ns, status.st_ino)
        for path, status in ((path, os.stat(path)) for path in header.files)  # noqa: PTH116
    ]
    return json.dumps([_HEADER_VERSION, states])


def _is_young(header: Header) -> bool:
    """Whether a file may still be written again without its state changing."""
    try:
        newest = max(os.stat(path).st_mtime_ns for path in header.files)  # noqa: PTH116
    except OSError:
        return True
    return time.time_ns() - newest <= YOUNGEST_REMEMBERED_NANOSECONDS


def _described(header: Header) -> dict[str, Any]:
    grid = header.grid
    return {
        "path": header.path,
        "element": header.element,
        "channels": header.channels,
        "files": header.files,
        "warnings": header.warnings,
        "grid": [grid.shape, grid.spacing, grid.origin, grid.direction, grid.nifti.hex()],
    }


def _header(described: dict[str, Any]) -> Header:
    shape, spacing, origin, direction, nifti = described["grid"]
    grid = Grid(tuple(shape), tuple(spacing), tuple(origin), tuple(direction), bytes.fromhex(nifti))
    files = tuple(map(str, described["files"]))
    path, element = str(described["path"]), str(described["element"])
    warnings = tuple(map(str, described["warnings"]))
    return Header(path, grid, element, int(described["channels"]), files, warnings)


def _text(path: str) -> str:
    """A path as SQLite takes it: names of files may hold bytes that are no text."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
