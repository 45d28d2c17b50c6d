"""Maintenance of stores without an index, which several computers share.

Such a folder does not record when a value was last used; a value is as old as its file.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from voxgpu.ids import ValueId
from voxgpu.store.disk import blocks_on_disk, index_row
from voxgpu.store.folder import objects_of
from voxgpu.store.index import Row
from voxgpu.store.maintenance import Findings, files_of, unfinished_of
from voxgpu.store.object_file import Damaged, OtherFormat, object_path, read_object, read_stored


def rows_of(folder: Path) -> Iterator[Row]:
    """The index rows of the objects in a folder; unreadable objects are left out."""
    for path, id in files_of(objects_of(folder)):
        with suppress(Damaged, OtherFormat, OSError):
            yield index_row(read_stored(path, id), blocks_on_disk(path.stat().st_size), None)


def information(folder: Path) -> dict[str, Any]:
    """Statistics of a folder; None for figures that only an index has."""
    primitives: dict[str, Counter[str]] = {}
    oldest, count, size = None, 0, 0
    for row in rows_of(folder):
        oldest = row.created if oldest is None else min(oldest, row.created)
        count, size = count + 1, size + row.size
        entry = primitives.setdefault(row.primitive or "unknown", Counter())
        entry.update(objects=1, bytes=row.size)
    known = dict.fromkeys(("budget", "hits", "misses", "hit_rate", "damaged", "evicted"))
    return known | {
        "path": str(folder),
        "bytes": size,
        "objects": count,
        "oldest_use": oldest,
        "by_primitive": {name: dict(entry) for name, entry in sorted(primitives.items())},
    }


def verify(folder: Path, repair: bool = False) -> Findings:
    """Read and decode every object; ``repair`` deletes damaged ones and temporary files."""
    findings = Findings()
    for path, id in files_of(objects_of(folder)):
        try:
            read_object(path, id)
        except FileNotFoundError:
            continue  # deleted meanwhile
        except OtherFormat:
            findings.foreign.append(path)
        except (Damaged, OSError):
            findings.damaged.append(path)
        findings.objects += 1
    findings.unfinished = list(unfinished_of(objects_of(folder)))
    if repair:
        for path in (*findings.damaged, *findings.unfinished):
            with suppress(OSError):
                path.unlink()
    return findings


def collect(folder: Path, max_bytes: int | None, max_age: float | None) -> tuple[int, int, int]:
    """Delete values older than ``max_age`` seconds, then the oldest ones beyond ``max_bytes``.

    Returns the number of deleted values, their bytes, and the bytes that remain. Temporary files
    are deleted as well.
    """
    rows = sorted(rows_of(folder), key=lambda row: row.created, reverse=True)
    now, left, old = time.time(), 0, []
    for row in rows:
        is_old = max_age is not None and now - row.created > max_age
        if is_old or (max_bytes is not None and left + row.size > max_bytes):
            old.append(row)
            max_bytes = max_bytes if is_old else left  # all older ones go, too
        else:
            left += row.size
    gone = [row for row in old if _removed(folder, row.id)]
    for path in unfinished_of(objects_of(folder)):
        with suppress(OSError):
            path.unlink()
    left += sum(row.size for row in old) - sum(row.size for row in gone)
    return len(gone), sum(row.size for row in gone), left


def _removed(folder: Path, id: ValueId) -> bool:
    try:
        object_path(objects_of(folder), id).unlink()
    except OSError:
        return False
    return True
