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
from weakref import WeakSet

from voxgpu.forking import call_in_child
from voxgpu.ids import ValueId
from voxgpu.store.copy_index import copy_while_quiet
from voxgpu.store.folder import StoreError
from voxgpu.store.schema import definitions, statements
from voxgpu.temporary_files import TemporaryFile, new_folder

#: Of the tables. A database of another version is left alone.
SCHEMA = 1

#: How long a run waits for another process that is writing, in seconds. A run that waited in vain
#: goes on without writing: it must not take minutes because somebody holds the index.
PATIENCE = 1.5

#: How long commands that look after a store wait.
PATIENCE_OF_COMMANDS = 20.0

#: Values used within this time count as equally recent, in seconds.
_RECENT = 60.0

#: Bytes that even a small value takes, for weighing.
_LEAST_BYTES = 4096


class OtherSchema(Exception):
    """The database was made by another version."""


class DamagedIndex(sqlite3.DatabaseError):
    """The database does not have the tables that its version has."""


class HeldIndex(sqlite3.OperationalError):
    """Another process has been writing for so long that this one writes no more."""


def is_damage(error: Exception) -> bool:
    """Whether an error says that the database is not as it was written."""
    if not isinstance(error, sqlite3.DatabaseError):
        return False
    if type(error) in (sqlite3.DatabaseError, DamagedIndex):
        return True
    said = ("malformed", "no such", "decode", "not a database", "already exists")
    return any(words in str(error) for words in said)


@dataclass(frozen=True, slots=True)
class Row:
    """What the index says of a value.

    kind      ``number``, ``image of float32``, …
    size      bytes on the disk
    bytes     memory that the value takes
    seconds   what it takes to compute it again
    created, used  seconds since 1970
    warnings    JSON: what to warn of where it is used
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
    warnings: str = "[]"
    small: str | None = None


_COLUMNS = "id, kind, primitive, size, bytes, seconds, created, used, warnings, small"


#: Indexes that this process has open, and whether the one that it was forked from had any.
_OPEN: WeakSet[Index] = WeakSet()
_is_parents = False

#: SQLite keeps locks by process, and its own ones might be held by threads that are not there.
_OF_PARENT = "the process that this one was forked from had a store open"
_OF_PARENT_HELP = 'start processes with multiprocessing\'s "spawn", or close the session before'


def _forked() -> None:
    """Notices in a child that SQLite is the parent's."""
    global _is_parents
    _is_parents = _is_parents or bool(len(_OPEN))


call_in_child(_forked)


class Index:
    """The database of a store; raises sqlite3.Error where it cannot be used."""

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
                times = (row.created, row.used, row.warnings, row.small)
                marks = ",".join("?" * 10)
                connection.execute(f"INSERT INTO objects VALUES({marks})", values + times)

    def remove(self, ids: Iterable[ValueId]) -> None:
        """Forgets values."""
        with self.writing() as connection:
            connection.executemany("DELETE FROM objects WHERE id = ?", [(key(id),) for id in ids])

    def mark_used(self, ids: Iterable[ValueId]) -> None:
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

    def evict_lowest_value(self, most: int, pinned: Collection[ValueId] = ()) -> list[Row]:
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
        """All or nothing of what is done inside; waits for other writers first.

        Raises HeldIndex where another process went on writing for as long as this one waits, and
        from then on at once.
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
        """Closes the connections of this process."""
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
            version = self._version_made()
        except sqlite3.OperationalError as error:
            self.close()
            if is_damage(error):
                raise DamagedIndex(str(error)) from None
            version = self._open_to_read()
            if version == 0:
                # What kept its tables from being made is the matter, such as a full disk.
                self.close()
                raise
        if version == SCHEMA and self._has_tables():
            return
        self.close()
        if version != SCHEMA:
            raise OtherSchema(f"version {version}")
        raise DamagedIndex("its tables are not those of its version")

    def _has_tables(self) -> bool:
        """Whether the database has the tables of this version, to the letter."""
        try:
            found = self.connection.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL")
            return {each for (each,) in found} == definitions()
        except sqlite3.Error as error:
            if "locked" in str(error):
                raise
            return False

    def _version_made(self) -> int:
        """The version of the tables, which are made where there are none."""
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
                # While the log is introduced by one process others do not wait by themselves.
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

    def _open_to_read(self) -> int:
        """Where nothing may be written.

        SQLite reads along with writers through the log that they share. Where there is no such log
        and none can be made, nobody writes at the moment, but somebody may at any time: then a
        private copy is read, never the file itself as one that does not change.
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
    """An id as it lies in the tables."""
    return bytes.fromhex(id)


def _row(found: Any) -> Row:
    return Row(ValueId(found[0].hex()), *found[1:])


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
