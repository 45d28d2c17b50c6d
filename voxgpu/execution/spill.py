"""Spilling of values to files of this run when memory is short."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from voxgpu.execution.memory_budget import trim_malloc
from voxgpu.execution.task import MissingValue
from voxgpu.ids import ValueId
from voxgpu.primitives.primitive import Value
from voxgpu.spans import span
from voxgpu.store.codec import encode
from voxgpu.store.folder import file_system
from voxgpu.store.object_file import (
    Damaged,
    OtherFormat,
    Stored,
    object_path,
    read_object,
    write_object,
)
from voxgpu.temporary_files import TemporaryFile, new_folder, sweep_folders


class SpillFolder:
    """Spilled values in a folder of their own, which is created with the first value.

    parent   the parent of the folder; None: the system's temporary folder
    trim     called after values were written and dropped, to return their memory
    problem  why a value could not be written, if that happened
    """

    def __init__(self, parent: Path | None = None, trim: Callable[[], None] = trim_malloc) -> None:
        self._parent = parent
        self.trim = trim
        self._folder: TemporaryFile | None = None
        self.problem = ""
        #: How many values were spilled.
        self.count = 0

    def put(self, id: ValueId, value: Value) -> bool:
        """Writes a value; returns whether it succeeded."""
        encoded = encode(value)
        stored = Stored(id, encoded.described, 0, 0.0, time.time(), {})
        try:
            with span("writing", "spilled value", value=id, spilled=sum(map(len, encoded.chunks))):
                write_object(object_path(self._made(), id), stored, encoded, durable=False)
        except OSError as error:
            self.problem = os.strerror(error.errno) if error.errno else str(error)
            return False
        self.count += 1
        return True

    def get(self, id: ValueId) -> Value:
        """Reads a spilled value; raises MissingValue."""
        try:
            return read_object(object_path(self._made(), id), id)[1]
        except (OSError, Damaged, OtherFormat):
            raise MissingValue(id) from None

    def drop(self, id: ValueId) -> None:
        """Removes a value."""
        with suppress(OSError):
            object_path(self._made(), id).unlink()

    def close(self) -> None:
        """Removes all values."""
        if self._folder is not None:
            self._folder.remove()
            self._folder = None

    def _made(self) -> Path:
        if self._folder is None:
            self._folder = new_folder("spill", self._parent or _folder_on_disk())
        return self._folder.path


def remove_left_behind(parent: Path | None) -> None:
    """Removes the spill folders of killed processes; ``parent`` as in ``SpillFolder``."""
    sweep_folders(parent or _folder_on_disk())


def _folder_on_disk() -> Path:
    """Returns the system's temporary folder, avoiding memory file systems unless it was set."""
    usual = Path(tempfile.gettempdir())
    if any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")):
        return usual
    other = Path("/var/tmp")
    in_memory = ("tmpfs", "ramfs")
    if file_system(usual) not in in_memory or file_system(other) in ("", *in_memory):
        return usual
    return other if os.access(other, os.W_OK | os.X_OK) else usual
