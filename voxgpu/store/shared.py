"""How do several computers share results? A folder of objects: no database, no lock.

Two that write the same value write the same thing; a file appears in one piece or not at all.
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
    """Values by id in a folder that several computers see.

    Its folders and files may be read and written by whom the folder itself may be.
    """

    def __init__(self, folder: Path) -> None:
        """Opens a folder, made where there is none; raises StoreError."""
        open_folder(folder, with_index=False)
        self.folder = folder
        self.counts: Counter[str] = Counter()
        self.problems: dict[str, None] = {}
        self._objects = objects_of(folder)
        self._mode = folder.stat().st_mode & 0o777
        self.read_only = not os.access(self._objects, os.W_OK)

    def has(self, id: ValueId) -> bool:
        """Whether there seems to be a value."""
        return object_path(self._objects, id).exists()

    def get(self, id: ValueId) -> tuple[Stored, Value] | None:
        """What is known of a value, and the value; None where there is none that is whole."""
        path = object_path(self._objects, id)
        try:
            found = read_object(path, id)
        except Damaged:
            # It is replaced as soon as the value is computed again, and put.
            self.counts["damaged"] += 1
            self._remove(path)
            return None
        except (OtherFormat, OSError, MemoryError):
            return None
        self.counts["found"] += 1
        return found

    def put(
        self,
        id: ValueId,
        value: Value,
        seconds: float = 0.0,
        made: Mapping[str, Any] | None = None,
        warnings: Warnings = (),
    ) -> bool:
        """Keeps a value; whether it was written. Never raises for what the disk does."""
        path = object_path(self._objects, id)
        if self.read_only or self.has(id) or is_of_other_format(path):
            return False
        encoded = encode(value)
        now = time.time()
        stored = Stored(id, encoded.described, bytes_of(value), seconds, now, made or {}, warnings)
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
