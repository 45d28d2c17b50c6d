"""Digests of saved files, which show whether saving a value again would change the file."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from voxgpu.files.write import Written, file_digest
from voxgpu.ids import ValueId
from voxgpu.store.index import Index, key


class SavedFiles:
    """Digests of the files that were written, by value and file format.

    form_of  what besides the value determines the bytes of a file: format, version of its writer
    """

    def __init__(self, index: Index, form_of: Callable[[Path], str]) -> None:
        self._index = index
        self._form_of = form_of

    def unchanged(self, path: Path, id: ValueId) -> Written | None:
        """The result of the earlier write if the file is unchanged; None if it is not."""
        with suppress(sqlite3.Error, OSError, ValueError):
            query = "SELECT digest, warnings FROM saved WHERE id = ? AND form = ?"
            values = (key(id), self._form_of(path))
            row = self._index.connection.execute(query, values).fetchone()
            if row is not None and path.is_file() and file_digest(path) == row[0]:
                then, warnings = json.loads(row[1])
                told = tuple(str(each).replace(then, str(path)) for each in warnings)
                return Written(told, row[0])
        return None

    def note(self, path: Path, id: ValueId, written: Written) -> None:
        """Record that the value was written there.

        The digest recorded is that of the bytes that this process wrote. A digest read back from
        ``path`` could be that of another run, which has saved another value under the same name
        since.
        """
        if self._index.read_only:
            return
        record = json.dumps([str(path), list(written.warnings)])
        with suppress(sqlite3.Error, OSError), self._index.writing() as connection:
            values = (key(id), self._form_of(path), written.digest, record, time.time())
            connection.execute("INSERT OR REPLACE INTO saved VALUES(?, ?, ?, ?, ?)", values)
