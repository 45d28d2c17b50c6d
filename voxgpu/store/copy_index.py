"""A private copy of an index, for readers without write permission in its folder."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import suppress
from pathlib import Path


def copy_while_quiet(source: Path, target: Path) -> None:
    """Copy a database and its log while no one writes; raises sqlite3.OperationalError if busy."""
    log = source.with_name(source.name + "-wal")
    for _ in range(5):
        before = _states(source, log)
        with suppress(FileNotFoundError):
            shutil.copyfile(source, target)
            if log.exists():
                shutil.copyfile(log, target.with_name(target.name + "-wal"))
            if _states(source, log) == before:
                return
        time.sleep(0.05)
    raise sqlite3.OperationalError("unable to read the index, it is being written")


def _states(*paths: Path) -> list[tuple[int, ...] | None]:
    states: list[tuple[int, ...] | None] = []
    for path in paths:
        try:
            status = path.stat()
        except FileNotFoundError:
            states.append(None)
        else:
            states.append((status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
    return states
