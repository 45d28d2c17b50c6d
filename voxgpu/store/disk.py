"""How do values outlive a process? As files that say what they are, and an index of them.

Nothing that goes wrong here is the program's fault: what cannot be read is not there, what cannot
be written is not kept, and `DiskStore.problems` says so.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from voxgpu.caches.location import is_full
from voxgpu.forking import renew_in_child
from voxgpu.ids import ValueId
from voxgpu.image import Image
from voxgpu.primitives.primitive import Value
from voxgpu.store.codec import Encoded, Undecodable, decode, encode, kind_of
from voxgpu.store.folder import StoreError, index_of, objects_of, open_folder
from voxgpu.store.index import PATIENCE, Index, OtherSchema, Row, is_damage
from voxgpu.store.object_file import (
    Damaged,
    OtherFormat,
    Stored,
    is_of_other_format,
    object_path,
    read_object,
    write_object,
)
from voxgpu.store.row_checksums import sealed, unsealed

#: Descriptions of values up to this length lie in the index.
_SMALL = 4096

#: Disks give space in blocks of this many bytes.
_BLOCK = 4096

#: After making room so much of the budget is used, so that room need not be made all the time.
_LEFT_AFTER = 0.96

#: A value that takes more of the budget than this is not kept: it would drive out all others.
_LARGEST_SHARE = 0.5

#: What a value comes with: ids of nodes that its maker doubted, and why.
Warnings = tuple[tuple[ValueId, str], ...]


class DiskStore:
    """Values by id in a folder. Any number of processes may use it at once.

    budget   bytes that values may take on the disk; what is least worth its bytes goes first
    counts   what was ``found``, ``damaged``, ``written``, ``evicted`` by this object
    """

    def __init__(self, folder: Path, budget: int, patience: float = PATIENCE) -> None:
        """Opens a store, made where there is none; raises StoreError where it cannot be used.

        patience  seconds to wait for others that write
        """
        self.folder = folder
        self.budget = budget
        self.counts: Counter[str] = Counter()
        self.problems: dict[str, None] = {}
        self._pinned: set[ValueId] = set()
        self._used: set[ValueId] = set()
        self._lock = threading.Lock()
        renew_in_child(self)
        self._is_full = False
        self._is_damaged = False
        open_folder(folder)
        self._objects = objects_of(folder)
        #: Whether the index is new, although there may be objects.
        self.index_is_new = not index_of(folder).exists()
        try:
            self.index, damage = open_index(folder, patience)
        except OtherSchema as error:
            raise StoreError(
                f"the index of the store `{folder}` is of another voxgpu ({error})",
                "use another folder with --store DIR; this one is left as it is",
            ) from None
        except (sqlite3.Error, OSError) as error:
            # SQLite calls a disk without room an I/O error, too.
            reason = "its disk is full" if is_full(folder) else error
            raise StoreError(
                f"the index of the store `{folder}` cannot be used: {reason}"
            ) from None
        if damage:
            self.index_is_new = True
            self.problems[
                f"the index of the store `{folder}` was damaged ({damage}) and is made anew"
            ] = None
        self.read_only = self.index.read_only or not os.access(folder, os.W_OK)

    def has(self, id: ValueId) -> bool:
        """Whether there seems to be a value; `get` may still find it damaged or gone."""
        try:
            return self.index.has(id)
        except sqlite3.Error as error:
            self._complain(error)
            return False

    def get(self, id: ValueId) -> tuple[Value, Warnings] | None:
        """The value and what it comes with; None where there is none that is whole."""
        try:
            row = self.index.row(id)
        except sqlite3.Error as error:
            self._complain(error)
            return None
        if row is None:
            return None
        found = self._small(row) if row.small is not None else self._read(id)
        if found is not None:
            with self._lock:
                self.counts["found"] += 1
                self._used.add(id)
        return found

    def pin(self, ids: Iterable[ValueId]) -> None:
        """These values are going to be read: they are not driven out by what this one writes."""
        self._pinned.update(ids)

    def after_fork(self) -> None:
        """Has a lock of its own in a forked process."""
        self._lock = threading.Lock()

    def put(
        self,
        id: ValueId,
        value: Value,
        seconds: float = 0.0,
        made: Mapping[str, Any] | None = None,
        warnings: Warnings = (),
    ) -> bool:
        """Keeps a value; whether it was written. Never raises for what the disk does.

        seconds  what it takes to compute the value again
        made     how it was made: plain JSON
        warnings   what to warn of where it is used
        """
        if self.read_only or self._is_full or self.has(id):
            return False
        try:
            written = self._write(id, value, seconds, made or {}, warnings)
        except (OSError, sqlite3.Error) as error:
            self._complain(error)
            return False
        if written:
            with self._lock:
                self.counts["written"] += 1
            self._stay_within_budget()
        return written

    def size(self) -> int:
        """Bytes on the disk."""
        try:
            return self.index.bytes()
        except sqlite3.Error:
            return 0

    def count(self, **changes: int) -> None:
        """Adds to the counters that outlive this process."""
        if not self.read_only:
            with suppress(sqlite3.Error):
                self.index.count(**changes)

    def close(self) -> None:
        """Notes what was used and counted, and closes the index."""
        if not self.read_only:
            with suppress(sqlite3.Error):
                if self._used:
                    self.index.mark_used(self._used)
            if self.counts["damaged"]:
                self.count(damaged=self.counts["damaged"])
        self.index.close()
        if self._is_damaged and not self.read_only:
            with suppress(OSError):
                put_aside(self.folder)  # whoever opens the store next makes a new one

    def evict_until(self, most: int) -> int:
        """Drives out what is least worth its bytes until ``most`` bytes are taken; how many."""
        taken = self.index.evict_lowest_value(most, self._pinned)
        for row in taken:
            if row.small is None:
                with suppress(OSError):
                    object_path(self._objects, row.id).unlink()
        if taken:
            self.index.count(evicted=len(taken))
        self.counts["evicted"] += len(taken)
        return len(taken)

    def _stay_within_budget(self) -> None:
        try:
            if self.index.bytes() > self.budget:
                self.evict_until(int(self.budget * _LEFT_AFTER))
        except sqlite3.Error as error:
            self._complain(error)

    def _write(
        self, id: ValueId, value: Value, seconds: float, made: Mapping[str, Any], warnings: Warnings
    ) -> bool:
        encoded = encode(value)
        now = time.time()
        stored = Stored(id, encoded.described, bytes_of(value), seconds, now, made, warnings)
        small = json.dumps(encoded.described) if not encoded.chunks else None
        if small is not None and len(small) > _SMALL:
            small = None
        if small is not None:
            small = sealed(small, id, json.dumps(warnings))
        size = _BLOCK // 8 + len(small) if small is not None else self._write_file(stored, encoded)
        if size:
            self.index.add([index_row(stored, size, small)])
        return size > 0

    def _write_file(self, stored: Stored, encoded: Encoded) -> int:
        """The bytes that the file takes on the disk; 0 where it was not written."""
        size = sum(map(len, encoded.chunks))
        path = object_path(self._objects, stored.id)
        if size > self.budget * _LARGEST_SHARE or is_of_other_format(path):
            return 0
        try:
            return blocks_on_disk(write_object(path, stored, encoded))
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
        # The disk is full, perhaps of what we have kept.
        self.evict_until(max(0, self.index.bytes() - 2 * blocks_on_disk(size)))
        try:
            return blocks_on_disk(write_object(path, stored, encoded))
        except OSError:
            self._is_full = True
            raise

    def _small(self, row: Row) -> tuple[Value, Warnings] | None:
        """The value in a row of the index; a row that is not what was written is forgotten."""
        try:
            text = unsealed(str(row.small), row.id, row.warnings)
            if text is not None:
                warnings = tuple(
                    (ValueId(id), str(reason)) for id, reason in json.loads(row.warnings)
                )
                return decode(json.loads(text), memoryview(b"")), warnings
        except (Undecodable, ValueError, TypeError):
            pass
        with self._lock:
            self.counts["damaged"] += 1
        self._forget(row.id)
        return None

    def _read(self, id: ValueId) -> tuple[Value, Warnings] | None:
        path = object_path(self._objects, id)
        try:
            stored, value = read_object(path, id)
        except FileNotFoundError:
            self._forget(id)
        except Damaged:
            with self._lock:
                self.counts["damaged"] += 1
            self._forget(id)
            if not self.read_only:
                with suppress(OSError):
                    path.unlink()
        except (OtherFormat, OSError, MemoryError):
            pass
        else:
            return value, stored.warnings
        return None

    def _forget(self, id: ValueId) -> None:
        if not self.read_only:
            with suppress(sqlite3.Error):
                self.index.remove([id])

    def _complain(self, error: Exception) -> None:
        """Remembers what is to be told, each thing once."""
        if is_damage(error):
            self._is_damaged = True
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        with self._lock:
            self.problems[f"results are not kept in `{self.folder}`: {reason}"] = None


def open_index(folder: Path, patience: float = PATIENCE) -> tuple[Index, str]:
    """The index of a store, and what was wrong with the one before it, if anything was.

    One that is damaged is put aside and made anew, empty.
    """
    path = index_of(folder)
    try:
        return Index(path, patience), ""
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
        put_aside(folder)
        return Index(path, patience), str(error)


def put_aside(folder: Path) -> None:
    """Rename a damaged index, so that a new one is made in its place; only the last is kept."""
    path = index_of(folder)
    path.replace(path.with_name(f"{path.name}.damaged"))
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def index_row(stored: Stored, size: int, small: str | None) -> Row:
    """What the index says of a value."""
    return Row(
        stored.id,
        kind_of(stored.described),
        str(stored.made.get("primitive", "")),
        size,
        stored.bytes,
        stored.seconds,
        stored.created,
        stored.created,
        json.dumps(stored.warnings),
        small,
    )


def blocks_on_disk(size: int) -> int:
    """Bytes that a file of this size takes."""
    return -(-size // _BLOCK) * _BLOCK


def bytes_of(value: Value) -> int:
    """Memory that the voxels of a value take."""
    if isinstance(value, tuple):
        return sum(map(bytes_of, value))
    return value.array.nbytes if isinstance(value, Image) else 0
