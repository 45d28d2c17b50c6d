"""A tier of a store: a folder of values by id, and how a value is stored in any of them."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from voxgpu.forking import renew_in_child
from voxgpu.ids import ValueId
from voxgpu.image import Image
from voxgpu.primitives.primitive import Value
from voxgpu.store.codec import Encoded, encode
from voxgpu.store.object_file import Stored

#: Warnings stored with a value: ids of the nodes they belong to, and texts.
Warnings = tuple[tuple[ValueId, str], ...]


class Tier(ABC):
    """Values by id in a folder. Any number of processes may use it at once.

    No failure is the program's fault: what cannot be written is not kept, and ``problems`` says so.

    counts  numbers of ``found``, ``damaged``, ``written``, ``evicted`` values, for this object
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.counts: Counter[str] = Counter()
        self.problems: dict[str, None] = {}
        self.read_only = False
        self._lock = threading.Lock()
        renew_in_child(self)

    def after_fork(self) -> None:
        """Create a new lock in a forked process."""
        self._lock = threading.Lock()

    @abstractmethod
    def has(self, id: ValueId) -> bool:
        """Whether the value is here; reading it may still find it damaged or missing."""

    def put(
        self,
        id: ValueId,
        value: Value,
        seconds: float = 0.0,
        provenance: Mapping[str, Any] | None = None,
        warnings: Warnings = (),
    ) -> bool:
        """Store a value; returns whether it was written. Never raises for errors of the disk.

        seconds     time to recompute the value
        provenance  how it was computed: plain JSON
        warnings    warnings to report wherever the value is used
        """
        if not self._accepts(id):
            return False
        encoded = encode(value)
        now, size = time.time(), bytes_of(value)
        stored = Stored(id, encoded.described, size, seconds, now, provenance or {}, warnings)
        try:
            written = self._write(stored, encoded)
        except (OSError, sqlite3.Error) as error:
            self._record_problem(error)
            return False
        if written:
            self._count("written")
        return written

    def _accepts(self, id: ValueId) -> bool:
        """Whether the value is to be written."""
        return not self.read_only and not self.has(id)

    @abstractmethod
    def _write(self, stored: Stored, encoded: Encoded) -> bool:
        """Write a value that is not here; returns whether it was written.

        Raises OSError, or sqlite3.Error where there is an index.
        """

    def _count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1

    def _record_problem(self, error: Exception) -> None:
        """Remember a problem to report, each once."""
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        with self._lock:
            self.problems[f"results are not kept in `{self.folder}`: {reason}"] = None


def bytes_of(value: Value) -> int:
    """Bytes of memory for the voxels of a value."""
    if isinstance(value, tuple):
        return sum(map(bytes_of, value))
    return value.array.nbytes if isinstance(value, Image) else 0
