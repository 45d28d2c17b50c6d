"""A store on the disk: self-describing object files and an index of them.

No failure here is the program's fault: values that cannot be read count as missing, values that
cannot be written are not kept, and `DiskStore.problems` reports it.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from voxgpu.caches.location import is_full
from voxgpu.ids import ValueId
from voxgpu.primitives.primitive import Value
from voxgpu.store.codec import Encoded, Undecodable, decode, kind_of
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
from voxgpu.store.tier import Tier, Warnings

#: Descriptions of values up to this length are stored in the index.
_SMALL = 4096

#: Disks allocate space in blocks of this many bytes.
_BLOCK = 4096

#: Eviction goes down to this fraction of the budget, so that it need not run all the time.
_LEFT_AFTER = 0.96

#: A value that takes more than this fraction of the budget is not kept: it would evict all others.
_LARGEST_SHARE = 0.5


class DiskStore(Tier):
    """Values by id in a folder with an index. Any number of processes may use it at once.

    budget  bytes that values may take on the disk; beyond it the least valuable are evicted
    """

    def __init__(self, folder: Path, budget: int, patience: float = PATIENCE) -> None:
        """Open a store, creating it if necessary; raises StoreError if it cannot be used.

        patience  seconds to wait for other writers
        """
        super().__init__(folder)
        self.budget = budget
        self._pinned: set[ValueId] = set()
        self._used: set[ValueId] = set()
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
            # SQLite reports a full disk as an I/O error, too.
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
        """Whether the value is in the index; `get` may still find it damaged or missing."""
        try:
            return self.index.has(id)
        except sqlite3.Error as error:
            self._record_problem(error)
            return False

    def get(self, id: ValueId) -> tuple[Value, Warnings] | None:
        """Return the value and its warnings; None if it is missing or damaged."""
        try:
            row = self.index.row(id)
        except sqlite3.Error as error:
            self._record_problem(error)
            return None
        if row is None:
            return None
        stored = self._decode_row(row) if row.small is not None else self._read(id)
        if stored is not None:
            self._count("found")
            with self._lock:
                self._used.add(id)
        return stored

    def pin(self, ids: Iterable[ValueId]) -> None:
        """Protect values that are about to be read from eviction by this process."""
        self._pinned.update(ids)

    def size(self) -> int:
        """Bytes on the disk."""
        try:
            return self.index.bytes()
        except sqlite3.Error:
            return 0

    def count(self, **changes: int) -> None:
        """Add to the counters that persist across processes."""
        if not self.read_only:
            with suppress(sqlite3.Error):
                self.index.count(**changes)

    def close(self) -> None:
        """Record what was used and counted, and close the index."""
        if not self.read_only:
            with suppress(sqlite3.Error):
                if self._used:
                    self.index.mark_used(self._used)
            if self.counts["damaged"]:
                self.count(damaged=self.counts["damaged"])
        self.index.close()
        if self._is_damaged and not self.read_only:
            with suppress(OSError):
                move_index_aside(self.folder)  # the next process creates a new one

    def evict_until(self, limit: int) -> int:
        """Evict the least valuable values down to ``limit`` bytes; returns their number."""
        taken = self.index.evict_lowest_value(limit, self._pinned)
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
            self._record_problem(error)

    def _accepts(self, id: ValueId) -> bool:
        return not self._is_full and super()._accepts(id)

    def _write(self, stored: Stored, encoded: Encoded) -> bool:
        small = json.dumps(encoded.described) if not encoded.chunks else None
        if small is not None and len(small) > _SMALL:
            small = None
        if small is not None:
            small = sealed(small, stored.id, json.dumps(stored.warnings))
        size = _BLOCK // 8 + len(small) if small is not None else self._write_file(stored, encoded)
        if not size:
            return False
        self.index.add([index_row(stored, size, small)])
        self._stay_within_budget()
        return True

    def _write_file(self, stored: Stored, encoded: Encoded) -> int:
        """Write an object file; returns its bytes on the disk, 0 if it was not written."""
        size = sum(map(len, encoded.chunks))
        path = object_path(self._objects, stored.id)
        if size > self.budget * _LARGEST_SHARE or is_of_other_format(path):
            return 0
        try:
            return blocks_on_disk(write_object(path, stored, encoded))
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
        # The disk is full; the stored values may be the reason.
        self.evict_until(max(0, self.index.bytes() - 2 * blocks_on_disk(size)))
        try:
            return blocks_on_disk(write_object(path, stored, encoded))
        except OSError:
            self._is_full = True
            raise

    def _decode_row(self, row: Row) -> tuple[Value, Warnings] | None:
        """Decode the value in a row of the index; a damaged row is deleted."""
        try:
            text = unsealed(str(row.small), row.id, row.warnings)
            if text is not None:
                warnings = tuple(
                    (ValueId(id), str(reason)) for id, reason in json.loads(row.warnings)
                )
                return decode(json.loads(text), memoryview(b"")), warnings
        except (Undecodable, ValueError, TypeError):
            pass
        self._count("damaged")
        self._forget(row.id)
        return None

    def _read(self, id: ValueId) -> tuple[Value, Warnings] | None:
        path = object_path(self._objects, id)
        try:
            stored, value = read_object(path, id)
        except FileNotFoundError:
            self._forget(id)
        except Damaged:
            self._count("damaged")
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

    def _record_problem(self, error: Exception) -> None:
        if is_damage(error):
            self._is_damaged = True
        super()._record_problem(error)


def open_index(folder: Path, patience: float = PATIENCE) -> tuple[Index, str]:
    """Open the index of a store; return it with the problem of the previous one, if any.

    A damaged index is moved aside and replaced by an empty one.
    """
    path = index_of(folder)
    try:
        return Index(path, patience), ""
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
        move_index_aside(folder)
        return Index(path, patience), str(error)


def move_index_aside(folder: Path) -> None:
    """Move a damaged index aside, so that a new one is created; only the last one is kept."""
    path = index_of(folder)
    path.replace(path.with_name(f"{path.name}.damaged"))
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def index_row(stored: Stored, size: int, small: str | None) -> Row:
    """The index row of a value."""
    return Row(
        stored.id,
        kind_of(stored.described),
        str(stored.provenance.get("primitive", "")),
        size,
        stored.bytes,
        stored.seconds,
        stored.created,
        stored.created,
        json.dumps(stored.warnings),
        small,
    )


def blocks_on_disk(size: int) -> int:
    """Bytes that a file of this size takes on the disk."""
    return -(-size // _BLOCK) * _BLOCK
