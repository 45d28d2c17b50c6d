"""A folder of objects that several computers share, without database and locks.

Two computers that write the same value write the same content; files are renamed into place.
"""

from __future__ import annotations

import os
from pathlib import Path

from voxgpu.ids import ValueId
from voxgpu.primitives.primitive import Value
from voxgpu.store.codec import Encoded
from voxgpu.store.folder import objects_of, open_folder
from voxgpu.store.object_file import (
    Damaged,
    OtherFormat,
    Stored,
    object_path,
    read_object,
    write_object,
)
from voxgpu.store.tier import Tier


class SharedFolder(Tier):
    """Values by id in a folder that several computers access.

    Its folders and files have the permissions of the folder itself.
    """

    def __init__(self, folder: Path) -> None:
        """Open a folder, creating it if necessary; raises StoreError."""
        open_folder(folder, with_index=False)
        super().__init__(folder)
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
            self._count("damaged")
            self._remove(path)
            return None
        except (OtherFormat, OSError, MemoryError):
            return None
        self._count("found")
        return stored

    def _write(self, stored: Stored, encoded: Encoded) -> bool:
        path = object_path(self._objects, stored.id)
        write_object(path, stored, encoded, folder_mode=self._mode)
        return True

    def _remove(self, path: Path) -> None:
        if not self.read_only:
            try:
                path.unlink()
            except OSError:
                self.read_only = not os.access(self._objects, os.W_OK)
