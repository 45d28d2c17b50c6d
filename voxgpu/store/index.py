"""What is in a store, how large is it, and when was it used last? A SQLite database.

It can be made again from the objects; only small values, which lie in its rows, and what is
remembered of files and programs would be lost. Every thread of every process has a connection of
its own. The database must lie on a local disk: SQLite's log of writes needs shared memory.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voxgpu.ids import ValueId

#: Of the tables. A database of another version is left alone.
SCHEMA = 1

#: How long to wait for another process that is writing, in seconds.
_PATIENCE = 20.0

#: Values used within this time count as equally recent, in seconds.
_RECENT = 60.0

#: Bytes that even a small value takes, for weighing.
_LEAST_BYTES = 4096

_TABLES = """
CREATE TABLE objects(
  id BLOB PRIMARY KEY, kind TEXT NOT NULL, primitive TEXT NOT NULL, size INTEGER NOT NULL,
  bytes INTEGER NOT NULL, seconds REAL NOT NULL, created REAL NOT NULL, used REAL NOT NULL,
  doubts TEXT NOT NULL, small TEXT) WITHOUT ROWID;
CREATE TABLE totals(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO totals VALUES('bytes', 0), ('objects', 0);
CREATE TRIGGER added AFTER INSERT ON objects BEGIN
  UPDATE totals SET value = value + new.size WHERE name = 'bytes';
  UPDATE totals SET value = value + 1 WHERE name = 'objects';
END;
CREATE TRIGGER removed AFTER DELETE ON objects BEGIN
  UPDATE totals SET value = value - old.size WHERE name = 'bytes';
  UPDATE totals SET value = value - 1 WHERE name = 'objects';
END;
CREATE TABLE files(
  path TEXT PRIMARY KEY, size INTEGER NOT NULL, modified INTEGER NOT NULL,
  inode INTEGER NOT NULL, digest TEXT NOT NULL, seen REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE headers(
  path TEXT PRIMARY KEY, state TEXT NOT NULL, header TEXT NOT NULL, seen REAL NOT NULL)
  WITHOUT ROWID;
CREATE TABLE saved(
  id BLOB NOT NULL, form TEXT NOT NULL, digest BLOB NOT NULL, warnings TEXT NOT NULL,
  seen REAL NOT NULL, PRIMARY KEY(id, form)) WITHOUT ROWID;
CREATE TABLE nodes(
  id BLOB PRIMARY KEY, primitive TEXT NOT NULL, meaning BLOB NOT NULL, parameters TEXT NOT NULL,
  inputs BLOB NOT NULL, seen REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX nodes_by_primitive ON nodes(primitive, seen);
CREATE TABLE goals(
  program TEXT NOT NULL, label TEXT NOT NULL, id BLOB NOT NULL, seen REAL NOT NULL,
  PRIMARY KEY(program, label)) WITHOUT ROWID;
"""


class OtherSchema(Exception):
    """The database was made by another version."""


@dataclass(frozen=True, slots=True)
class Row:
    """What the index says of a value.

    kind      ``number``, ``image of float32``, …
    size      bytes on the disk
    bytes     memory that the value takes
    seconds   what it takes to compute it again
    created, used  seconds since 1970
    doubts    JSON: what to warn of where it is used
    small     the value itself, described in JSON, where it is small
    """

    id: ValueId
    kind: str
    primitive: str
    size: int
    bytes: int
    seconds: float
    created: float
    used: float
    doubts: str = "[]"
    small: str | None = None


_COLUMNS = "id, kind, primitive, size, bytes, seconds, created, used, doubts, small"


class Index:
    """The database of a store; raises sqlite3.Error where it cannot be used."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._all: list[tuple[int, sqlite3.Connection]] = []
        self.read_only = False
        self._open()

    def has(self, id: ValueId) -> bool:
        """Whether there is a value."""
        found = self.connection.execute("SELECT 1 FROM objects WHERE id = ?", (key(id),))
        return found.fetchone() is not None

    def row(self, id: ValueId) -> Row | None:
        """What is known of a value."""
        query = f"SELECT {_COLUMNS} FROM objects WHERE id = ?"
        found = self.connection.execute(query, (key(id),)).fetchone()
        return _row(found) if found else None

    def rows(self, order: str = "used DESC", limit: int = -1) -> Iterator[Row]:
        """All values; ``order`` is of our own making, never a user's text."""
        query = f"SELECT {_COLUMNS} FROM objects ORDER BY {order} LIMIT ?"
        return map(_row, self.connection.execute(query, (limit,)))

    def add(self, rows: Iterable[Row]) -> None:
        """Adds values, or replaces what is known of them."""
        with self.writing() as connection:
            for row in rows:
                connection.execute("DELETE FROM objects WHERE id = ?", (key(row.id),))
                values = (key(row.id), row.kind, row.primitive, row.size, row.bytes, row.seconds)
                times = (row.created, row.used, row.doubts, row.small)
                marks = ",".join("?" * 10)
                connection.execute(f"INSERT INTO objects VALUES({marks})", values + times)

    def remove(self, ids: Iterable[ValueId]) -> None:
        """Forgets values."""
        with self.writing() as connection:
            connection.executemany("DELETE FROM objects WHERE id = ?", [(key(id),) for id in ids])

    def touch(self, ids: Iterable[ValueId]) -> None:
        """Notes that values were used now."""
        now = time.time()
        with self.writing() as connection:
            connection.executemany(
                "UPDATE objects SET used = ? WHERE id = ?", [(now, key(id)) for id in ids]
            )

    def count(self, **changes: int) -> None:
        """Adds to named counters."""
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

    def take_least_worthy(self, most: int, pinned: Collection[ValueId] = ()) -> list[Row]:
        """Forgets what is least worth its bytes until the rest takes ``most`` bytes; what it was.

        Worth is the seconds that computing again takes for each byte, for each second that the
        value was not used.
        """
        taken: list[Row] = []
        with self.writing() as connection:
            over = self.bytes() - most
            if over <= 0:
                return []
            query = (
                f"SELECT {_COLUMNS} FROM objects ORDER BY "
                "(seconds + 1e-4) / (size + ?) / (max(0, ? - used) + ?)"
            )
            weights = (_LEAST_BYTES, time.time(), _RECENT)
            for found in connection.execute(query, weights):
                row = _row(found)
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
        """That of this thread of this process."""
        found = getattr(self._local, "connection", None)
        if found is None or self._local.pid != os.getpid():
            found = self._connect()
        return found

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """All or nothing of what is done inside; waits for other writers first."""
        connection = self.connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def close(self) -> None:
        """Closes the connections of this process."""
        for pid, connection in self._all:
            if pid == os.getpid():
                with suppress(sqlite3.Error):
                    connection.close()
        self._all.clear()
        self._local = threading.local()

    def _open(self) -> None:
        try:
            version = self._version_made()
        except sqlite3.OperationalError:
            self.close()
            version = self._open_to_read()
        if version != SCHEMA:
            self.close()
            raise OtherSchema(f"version {version}")

    def _version_made(self) -> int:
        """The version of the tables, which are made where there are none."""
        deadline = time.monotonic() + _PATIENCE
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
                # While the log is introduced by one process others do not wait by themselves.
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def _made(self, connection: sqlite3.Connection) -> int:
        version = _version(connection)
        if version == 0:
            for statement in _statements(_TABLES):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA}")
            version = SCHEMA
        return version

    def _open_to_read(self) -> int:
        """Where nothing may be written, not even the log that readers share."""
        self.read_only = True
        return _version(self.connection)

    def _connect(self) -> sqlite3.Connection:
        place = self._path.absolute().as_uri()
        form = f"{place}?immutable=1" if self.read_only else f"{place}?mode=rwc"
        connection = sqlite3.connect(
            form, timeout=_PATIENCE, isolation_level=None, uri=True, check_same_thread=False
        )
        connection.execute("PRAGMA synchronous = NORMAL")
        self._local.connection, self._local.pid = connection, os.getpid()
        self._all.append((os.getpid(), connection))
        return connection


def key(id: ValueId) -> bytes:
    """An id as it lies in the tables."""
    return bytes.fromhex(id)


def _row(found: Any) -> Row:
    return Row(ValueId(found[0].hex()), *found[1:])


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _statements(text: str) -> list[str]:
    """The statements of a script; `executescript` would end the transaction."""
    found, statement = [], ""
    for line in text.strip().splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            found.append(statement)
            statement = ""
    return found
