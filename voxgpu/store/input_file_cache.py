"""Cached digests and headers of input files, valid while the files are unchanged.

A file is unchanged if its path, device, inode, size, and times of modification and of inode change,
in ns, are the same.
"""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

from voxgpu.files.errors import FileError
from voxgpu.files.header import Header
from voxgpu.files.state import FileState, are_settled, state
from voxgpu.image import Grid
from voxgpu.store.index import Index
from voxgpu.store.row_checksums import sealed, unsealed

#: Bump when the header reader would return something else for the same files.
_HEADER_VERSION = 5


class SeenFiles:
    """Records digests and headers in the index of a store."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def digest(self, state: FileState) -> str | None:
        """Return the digest of a file in this state, or None."""
        with suppress(sqlite3.Error):
            query = "SELECT digest FROM files WHERE path = ?"
            row = self._index.connection.execute(query, (_text(state[0]),)).fetchone()
            # The checksum covers the state: rows of earlier versions fail it.
            text = None if row is None else unsealed(str(row[0]), state[0])
            known, _, digest = (text or "").rpartition(" ")
            if known == json.dumps(state[1:]):
                return digest
        return None

    def note_digest(self, state: FileState, digest: str) -> None:
        """Record the digest of a file in this state."""
        if not self._index.read_only:
            with suppress(sqlite3.Error), self._index.writing() as connection:
                known = sealed(f"{json.dumps(state[1:])} {digest}", state[0])
                values = (_text(state[0]), state[3], state[4], 0, known, time.time())
                connection.execute("INSERT OR REPLACE INTO files VALUES(?, ?, ?, ?, ?, ?)", values)

    def header(self, path: str) -> Header | None:
        """Return the header of the image there, if all of its files are unchanged; else None."""
        with suppress(sqlite3.Error, FileError, ValueError, KeyError, TypeError):
            query = "SELECT state, header FROM headers WHERE path = ?"
            row = self._index.connection.execute(query, (_text(path),)).fetchone()
            if row is not None:
                header = _header(json.loads(unsealed(row[1], path, row[0]) or ""))
                states = tuple(map(state, header.files))
                if _text_of(states) == row[0]:
                    return replace(header, states=states)
        return None

    def note_header(self, path: str, header: Header) -> None:
        """Record the header of the image there."""
        if self._index.read_only or not header.states or not are_settled(header.states):
            return
        with suppress(sqlite3.Error), self._index.writing() as connection:
            values = (
                _text(path),
                _text_of(header.states),
                sealed(json.dumps(_described(header)), path, _text_of(header.states)),
                time.time(),
            )
            connection.execute("INSERT OR REPLACE INTO headers VALUES(?, ?, ?, ?)", values)


class FreshHeaders:
    """Returns no headers, so that every header is read again, but records them."""

    def __init__(self, seen: SeenFiles) -> None:
        self._seen = seen

    def header(self, path: str) -> Header | None:
        """Return None: the header must be read."""
        return None

    def note_header(self, path: str, header: Header) -> None:
        """Replace the recorded header of the image there."""
        self._seen.note_header(path, header)


def _text_of(states: tuple[FileState, ...]) -> str:
    return json.dumps([_HEADER_VERSION, states])


def _described(header: Header) -> dict[str, Any]:
    grid = header.grid
    return {
        "path": header.path,
        "element": header.element,
        "channels": header.channels,
        "files": header.files,
        "warnings": header.warnings,
        "reading": header.reading,
        "volumes": header.volumes,
        "grid": [grid.shape, grid.spacing, grid.origin, grid.direction, grid.nifti.hex()],
    }


def _header(described: dict[str, Any]) -> Header:
    shape, spacing, origin, direction, nifti = described["grid"]
    grid = Grid(tuple(shape), tuple(spacing), tuple(origin), tuple(direction), bytes.fromhex(nifti))
    files = tuple(map(str, described["files"]))
    reading = tuple(map(str, described["reading"]))
    path, element = str(described["path"]), str(described["element"])
    warnings = tuple(map(str, described["warnings"]))
    channels, volumes = int(described["channels"]), int(described["volumes"])
    return Header(path, grid, element, channels, files, warnings, reading, volumes=volumes)


def _text(path: str) -> str:
    """A path as text for SQLite: file names may contain bytes that are not valid text."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
