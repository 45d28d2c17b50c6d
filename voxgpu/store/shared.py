"""A folder of objects that several computers share, without database and locks.

Two computers that write the same value write the same content; files are renamed into place.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from voxgpu.ids import ValueId
from voxgpu.primitives.primitive import Value
from voxgpu.store.codec import encode
from voxgpu.store.disk import Warnings, bytes_of
from voxgpu.store.folder import objects_of, open_folder
from voxgpu.store.object_file import (
    Damaged,
    OtherFormat,
    Stored,
    is_of_other_format,
    object_path,
    read_object,
    write_object,
)


class SharedFolder:
    """Values by id in a folder that several computers access.

    Its folders and files have the permissions of the folder itself.
    """

    def __init__(self, folder: Path) -> None:
        """Open a folder, creating it if necessary; raises StoreError."""
        open_folder(folder, with_index=False)
        self.folder = folder
        self.counts: Counter[str] = Counter()
        self.problems: dict[str, None] = {}
        self._objects = objects_of(folder)
        self._mode = folder.stat().st_mode & 0o777
        self.read_only = not os.access(self._objects, os.W_OK)

    def has(self, id: ValueId) -> bool:
        """Whether there is a file for the value."""
        return object_path(self._objects, id).exists()

    def get(self, id: ValueId) -> tuple[Stored, Value] | None:
        """Return the metadata and the value; None if it is missing or damaged."""
        path = object_path(self._objects, id)
        try:
            stored = read_object(path, id)
        except Damaged:
            # It is replaced as soon as the value is computed and stored again.
            self.counts["damaged"] += 1
            self._remove(path)
            return None
        except (OtherFormat, OSError, MemoryError):
            return None
        self.counts["found"] += 1
        return stored

    def put(
        self,
        id: ValueId,
        value: Value,
        seconds: float = 0.0,
        provenance: Mapping[str, Any] | None = None,
        warnings: Warnings = (),
    ) -> bool:
        """Store a value; returns whether it was written. Never raises for errors of the disk."""
        path = object_path(self._objects, id)
        if self.read_only or self.has(id) or is_of_other_format(path):
            return False
        encoded = encode(value)
        now = time.time()
        stored = Stored(
            id, encoded.described, bytes_of(value), seconds, now, provenance or {}, warnings
        )
        try:
            write_object(path, stored, encoded, folder_mode=self._mode)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else error
            self.problems[f"results are not kept in `{self.folder}`: {reason}"] = None
            return False
        self.counts["written"] += 1
        return True

    def _remove(self, path: Path) -> None:
        if not self.read_only:
            try:
                path.unlink()
            except OSError:
                self.read_only = not os.access(self._objects, os.W_OK)
