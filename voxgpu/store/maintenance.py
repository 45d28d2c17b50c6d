"""Maintenance of a store: verification, repair, rebuilding the index, eviction, statistics."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voxgpu.ids import ValueId
from voxgpu.store.disk import DiskStore, blocks_on_disk, index_row
from voxgpu.store.folder import index_of, objects_of
from voxgpu.store.object_file import (
    Damaged,
    OtherFormat,
    id_of,
    object_path,
    read_object,
    read_stored,
)
from voxgpu.temporary_files import left_files


@dataclass
class Findings:
    """The result of `verify`.

    objects     number of objects read
    damaged     objects with a wrong checksum or content
    lost        index entries without a file
    unindexed   intact objects that are not in the index
    foreign     objects of other versions, which are left alone
    unfinished  temporary files of processes that died
    """

    objects: int = 0
    damaged: list[Path] = field(default_factory=list)
    lost: list[ValueId] = field(default_factory=list)
    unindexed: list[Path] = field(default_factory=list)
    foreign: list[Path] = field(default_factory=list)
    unfinished: list[Path] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether every value can be read; temporary files only take space."""
        return not (self.damaged or self.lost)

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "objects": self.objects,
            "damaged": [str(each) for each in self.damaged],
            "lost": list(self.lost),
            "unindexed": [str(each) for each in self.unindexed],
            "foreign": [str(each) for each in self.foreign],
            "unfinished": [str(each) for each in self.unfinished],
            "clean": self.is_clean,
        }


def verify(store: DiskStore, repair: bool = False) -> Findings:
    """Read and decode every object; ``repair`` deletes damaged ones and indexes intact ones."""
    findings = Findings()
    folder = objects_of(store.folder)
    present: set[ValueId] = set()
    for path, id in files_of(folder):
        findings.objects += 1
        try:
            read_object(path, id)
        except FileNotFoundError:
            findings.objects -= 1  # evicted meanwhile
            continue
        except OtherFormat:
            findings.foreign.append(path)
            continue
        except (Damaged, OSError):
            findings.damaged.append(path)
            continue
        present.add(id)
        if not store.has(id):
            findings.unindexed.append(path)
    findings.lost = [
        row.id
        for row in store.index.rows("id")
        if row.small is None and row.id not in present and not object_path(folder, row.id).is_file()
    ]
    findings.unfinished = list(unfinished_of(folder))
    if repair:
        _repair(store, findings)
    return findings


def rebuild(store: DiskStore) -> tuple[int, int]:
    """Rebuild the index from the object files; returns (objects indexed, unreadable files).

    Values in the index itself, such as numbers, are kept if the index can be read.
    """
    kept = []
    with suppress(sqlite3.Error):
        kept = [row for row in store.index.rows("id") if row.small is not None]
    used: dict[ValueId, float] = {}
    with suppress(sqlite3.Error):
        used = {row.id: row.used for row in store.index.rows("id")}
    rows, failed = list(kept), 0
    for path, id in files_of(objects_of(store.folder)):
        try:
            stored = read_stored(path, id)
        except (Damaged, OtherFormat, OSError):
            failed += 1
            continue
        row = index_row(stored, blocks_on_disk(path.stat().st_size), None)
        rows.append(row)
    with store.index.writing() as connection:
        connection.execute("DELETE FROM objects")
    store.index.add(rows)
    with store.index.writing() as connection:
        connection.executemany(
            "UPDATE objects SET used = ? WHERE id = ?",
            [(when, bytes.fromhex(id)) for id, when in used.items()],
        )
    return len(rows), failed


def collect(store: DiskStore, max_bytes: int | None, max_age: float | None) -> tuple[int, int]:
    """Evict values not used for ``max_age`` seconds, then reduce the store to ``max_bytes``.

    Returns the number of evicted values and their bytes. Temporary files are deleted as well.
    """
    before = store.index.totals()
    folder = objects_of(store.folder)
    if max_age is not None:
        limit = time.time() - max_age
        old = [row for row in store.index.rows("used") if row.used < limit]
        store.index.remove(row.id for row in old)
        for row in old:
            if row.small is None:
                with suppress(OSError):
                    object_path(folder, row.id).unlink()
        with store.index.writing() as connection:
            for table in ("files", "headers", "saved", "nodes", "goals"):
                connection.execute(f"DELETE FROM {table} WHERE seen < ?", (limit,))
    if max_bytes is not None:
        store.evict_until(max_bytes)
    for path in unfinished_of(folder):
        with suppress(OSError):
            path.unlink()
    after = store.index.totals()
    with suppress(sqlite3.Error):
        store.index.connection.execute("VACUUM")
    return before["objects"] - after["objects"], before["bytes"] - after["bytes"]


def clear(folder: Path) -> None:
    """Delete every value and the index; the folder stays a store, empty."""
    index = index_of(folder)
    for path in index.parent.glob(index.name + "*"):
        with suppress(FileNotFoundError):
            path.unlink()
    try:
        mode = objects_of(folder).stat().st_mode & 0o777  # a shared folder keeps its mode
    except OSError:
        mode = 0o700
    for name in (objects_of(folder), folder / "spill"):
        if name.is_dir() and not name.is_symlink():
            shutil.rmtree(name, ignore_errors=True)
    objects_of(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(OSError):
        objects_of(folder).chmod(mode)


def information(store: DiskStore) -> dict[str, Any]:
    """Statistics of a store: its size, its content, and its hit counts."""
    totals = store.index.totals()
    hits, misses = totals.get("hits", 0), totals.get("misses", 0)
    primitives: dict[str, Counter[str]] = {}
    oldest = None
    for row in store.index.rows("used"):
        oldest = row.used if oldest is None else oldest
        entry = primitives.setdefault(row.primitive or "unknown", Counter())
        entry.update(objects=1, bytes=row.size)
    return {
        "path": str(store.folder),
        "bytes": totals["bytes"],
        "budget": store.budget,
        "objects": totals["objects"],
        "hits": hits,
        "misses": misses,
        "hit_rate": hits / (hits + misses) if hits + misses else None,
        "damaged": totals.get("damaged", 0),
        "evicted": totals.get("evicted", 0),
        "oldest_use": oldest,
        "by_primitive": {name: dict(entry) for name, entry in sorted(primitives.items())},
    }


def _repair(store: DiskStore, findings: Findings) -> None:
    for path in (*findings.damaged, *findings.unfinished):
        with suppress(OSError):
            path.unlink()
    damaged = [id for id in map(id_of, findings.damaged) if id is not None]
    store.index.remove([*findings.lost, *damaged])
    rows = []
    for path in findings.unindexed:
        id = id_of(path)
        if id is not None:
            with suppress(Damaged, OtherFormat, OSError):
                rows.append(
                    index_row(read_stored(path, id), blocks_on_disk(path.stat().st_size), None)
                )
    store.index.add(rows)


def files_of(folder: Path) -> Iterator[tuple[Path, ValueId]]:
    """The objects of a folder, in order of their ids."""
    for path in sorted(folder.glob("??/*")):
        id = id_of(path)
        if id is not None and path.is_file():
            yield path, id


def unfinished_of(folder: Path) -> Iterator[Path]:
    """Temporary files of processes that have ended."""
    for each in sorted(folder.glob("??")):
        yield from left_files(each)
