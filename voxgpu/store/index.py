"""The index of a store: a SQLite database of values, sizes, and times of last use.

It can be rebuilt from the objects; only small values, which are stored in its rows, and what is
recorded about files and programs would be lost. Every thread of every process has a connection of
its own. The database must be on a local disk: SQLite's write-ahead log needs shared memory.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from weakref import WeakSet

from voxgpu.forking import call_in_child
from voxgpu.frozen import frozen
from voxgpu.ids import ValueId
from voxgpu.store.copy_index import copy_while_quiet
from voxgpu.store.folder import StoreError
from voxgpu.store.schema import definitions, statements
from voxgpu.temporary_files import TemporaryFile, new_folder

#: Version of the tables. A database of another version is left alone.
SCHEMA = 1

#: How long a run waits for another process that is writing, in seconds. After waiting in vain it
#: goes on without writing: a run must not take minutes because another process holds the index.
PATIENCE = 1.5

#: How long maintenance commands wait, in seconds.
PATIENCE_OF_COMMANDS = 20.0

#: Values used within this time count as equally recent, in seconds.
_RECENT = 60.0

#: The minimum size of a value when its worth is computed, in bytes.
_LEAST_BYTES = 4096


class OtherSchema(Exception):
    """The database was created by another version."""


class DamagedIndex(sqlite3.DatabaseError):
    """The database lacks tables of its version."""


class HeldIndex(sqlite3.OperationalError):
    """Another process has held the write lock for too long; this process stops writing."""


def is_damage(error: Exception) -> bool:
    """Whether an error indicates a corrupt database."""
    if not isinstance(error, sqlite3.DatabaseError):
        return False
    if type(error) in (sqlite3.DatabaseError, DamagedIndex):
        return True
    phrases = ("malformed", "no such", "decode", "not a database", "already exists")
    return any(words in str(error) for words in phrases)


@frozen(slots=True)
class Row:
    """The index entry of a value.

    kind      ``number``, ``image of float32``, …
    size      bytes on the disk
    bytes     memory that the value takes
    seconds   time to recompute the value
    created, used  seconds since 1970
    warnings  JSON: warnings to report wherever the value is used
    small     the value itself, as JSON, if it is small
    """

    id: ValueId
    kind: str
    primitive: str
    size: int
    bytes: int
    seconds: float
    created: float
    used: float
    warnings: str = "[]"
    small: str | None = None


_COLUMNS = "id, kind, primitive, size, bytes, seconds, created, used, warnings, small"


#: The open indexes of this process, and whether the parent of a fork had any.
_OPEN: WeakSet[Index] = WeakSet()
_is_parents = False

#: SQLite holds locks per process, and its internal ones may be held by threads of the parent.
_OF_PARENT = "the process that this one was forked from had a store open"
_OF_PARENT_HELP = 'start processes with multiprocessing\'s "spawn", or close the session before'


def _note_fork() -> None:
    """Record in a child process that the SQLite connections are the parent's."""
    global _is_parents
    _is_parents = _is_parents or bool(len(_OPEN))


call_in_child(_note_fork)


class Index:
    """The database of a store; raises sqlite3.Error if it cannot be used."""

    def __init__(self, path: Path, patience: float = PATIENCE) -> None:
        self._path = path
        self._patience = patience
        self._is_held = False
        self._copy: TemporaryFile | None = None
        self._local = threading.local()
        self._all: list[tuple[int, sqlite3.Connection]] = []
        self.read_only = False
        if _is_parents:
            message = f"the index of the store `{path.parent}` cannot be used: {_OF_PARENT}"
            raise StoreError(message, _OF_PARENT_HELP)
        _OPEN.add(self)
        self._open()

    def has(self, id: ValueId) -> bool:
        """Whether the value is in the index."""
        rows = self.connection.execute("SELECT 1 FROM objects WHERE id = ?", (key(id),))
        return rows.fetchone() is not None

    def row(self, id: ValueId) -> Row | None:
        """Return the row of a value, or None."""
        query = f"SELECT {_COLUMNS} FROM objects WHERE id = ?"
        row = self.connection.execute(query, (key(id),)).fetchone()
        return _row(row) if row else None

    def rows(self, order: str = "used DESC", limit: int = -1) -> Iterator[Row]:
        """Iterate over all rows; ``order`` must be a constant of this program, never user input."""
        query = f"SELECT {_COLUMNS} FROM objects ORDER BY {order} LIMIT ?"
        return map(_row, self.connection.execute(query, (limit,)))

    def add(self, rows: Iterable[Row]) -> None:
        """Add rows, or replace them."""
        with self.writing() as connection:
            for row in rows:
                connection.execute("DELETE FROM objects WHERE id = ?", (key(row.id),))
                values = (key(row.id), row.kind, row.primitive, row.size, row.bytes, row.seconds)
                times = (row.created, row.used, row.warnings, row.small)
                marks = ",".join("?" * 10)
                connection.execute(f"INSERT INTO objects VALUES({marks})", values + times)

    def remove(self, ids: Iterable[ValueId]) -> None:
        """Delete rows."""
        with self.writing() as connection:
            connection.executemany("DELETE FROM objects WHERE id = ?", [(key(id),) for id in ids])

    def mark_used(self, ids: Iterable[ValueId]) -> None:
        """Set the time of last use to now."""
        now = time.time()
        with self.writing() as connection:
            connection.executemany(
                "UPDATE objects SET used = ? WHERE id = ?", [(now, key(id)) for id in ids]
            )

    def count(self, **changes: int) -> None:
        """Add to named counters."""
        with self.writing() as connection:
            connection.executemany(
                "INSERT INTO totals VALUES(?, ?) ON CONFLICT(name) "
                "DO UPDATE SET value = value + excluded.value",
                [(name, change) for name, change in changes.items() if change],
            )

    def totals(self) -> dict[str, int]:
        """``bytes`` on the disk, ``objects``, and the counters."""
        return dict(self.connection.execute("SELECT name, value FROM totals"))

    def bytes(self) -> int:
        """Bytes on the disk."""
        query = "SELECT value FROM totals WHERE name = 'bytes'"
        return int(self.connection.execute(query).fetchone()[0])

    def evict_lowest_value(self, limit: int, pinned: Collection[ValueId] = ()) -> list[Row]:
        """Evict the least valuable rows down to ``limit`` bytes; returns the evicted rows.

        The worth of a value is its recompute time per byte, divided by the time since its last use.
        """
        taken: list[Row] = []
        with self.writing() as connection:
            over = self.bytes() - limit
            if over <= 0:
                return []
            query = (
                f"SELECT {_COLUMNS} FROM objects ORDER BY "
                "(seconds + 1e-4) / (size + ?) / (max(0, ? - used) + ?)"
            )
            weights = (_LEAST_BYTES, time.time(), _RECENT)
            for values in connection.execute(query, weights):
                row = _row(values)
                if over <= 0:
                    break
                if row.id not in pinned:
                    taken.append(row)
                    over -= row.size
            connection.executemany(
                "DELETE FROM objects WHERE id = ?", [(key(row.id),) for row in taken]
            )
        return taken

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection of this thread in this process."""
        connection = getattr(self._local, "connection", None)
        if connection is None or self._local.pid != os.getpid():
            connection = self._connect()
        return connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: all or nothing; waits for other writers first.

        Raises HeldIndex if another process holds the write lock for longer than the patience, and
        from then on immediately.
        """
        if self._is_held:
            raise HeldIndex("another process holds its index")
        connection = self.connection
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            self._is_held = True
            raise HeldIndex("another process holds its index") from None
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def close(self) -> None:
        """Close the connections of this process."""
        for pid, connection in self._all:
            if pid == os.getpid():
                with suppress(sqlite3.Error):
                    connection.close()
        self._all.clear()
        self._local = threading.local()
        _OPEN.discard(self)
        if self._copy is not None:
            self._copy.remove()
            self._copy = None

    def _open(self) -> None:
        try:
            version = self._create_tables()
        except sqlite3.OperationalError as error:
            self.close()
            if is_damage(error):
                raise DamagedIndex(str(error)) from None
            version = self._open_read_only()
            if version == 0:
                # The error that prevented creating the tables is the cause, such as a full disk.
                self.close()
                raise
        if version == SCHEMA and self._has_tables():
            return
        self.close()
        if version != SCHEMA:
            raise OtherSchema(f"version {version}")
        raise DamagedIndex("its tables are not those of its version")

    def _has_tables(self) -> bool:
        """Whether the database has exactly the tables of this version."""
        try:
            statements = self.connection.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL")
            return {each for (each,) in statements} == definitions()
        except sqlite3.Error as error:
            if "locked" in str(error):
                raise
            return False

    def _create_tables(self) -> int:
        """The version of the tables, which are created if there are none."""
        deadline = time.monotonic() + self._patience
        while True:
            connection = self.connection
            try:
                version = _version(connection)
                if version == 0:
                    connection.execute("PRAGMA journal_mode = WAL")
                    with self.writing():
                        version = self._made(connection)
                return version
            except sqlite3.OperationalError as error:
                # While one process enables the write-ahead log, SQLite does not wait by itself.
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def _made(self, connection: sqlite3.Connection) -> int:
        version = _version(connection)
        if version == 0:
            for statement in statements():
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA}")
            version = SCHEMA
        return version

    def _open_read_only(self) -> int:
        """Open the index without write permission.

        SQLite reads alongside writers through the shared write-ahead log. If there is no such log
        and none can be created, no one writes at the moment, but a writer may start at any time:
        then a private copy is read, never the file itself with the `immutable` flag.
        """
        self.read_only = True
        try:
            return _version(self.connection)
        except sqlite3.OperationalError:
            self.close()
        self._copy = new_folder("index")
        copied = self._copy.path / self._path.name
        copy_while_quiet(self._path, copied)
        self._path = copied
        return _version(self.connection)

    def _connect(self) -> sqlite3.Connection:
        if _is_parents:
            raise sqlite3.OperationalError(_OF_PARENT)
        _OPEN.add(self)
        mode = "ro" if self.read_only and self._copy is None else "rwc"
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode={mode}",
            timeout=self._patience,
            isolation_level=None,
            uri=True,
            check_same_thread=False,
        )
        connection.execute("PRAGMA synchronous = NORMAL")
        self._local.connection, self._local.pid = connection, os.getpid()
        self._all.append((os.getpid(), connection))
        return connection


def key(id: ValueId) -> bytes:
    """An id as stored in the tables."""
    return bytes.fromhex(id)


def _row(values: Any) -> Row:
    return Row(ValueId(values[0].hex()), *values[1:])


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
