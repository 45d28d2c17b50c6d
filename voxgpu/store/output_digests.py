"""Is a file already what saving a value would make it? By the digest of what was written."""

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
    """Digests of files that were written, by what is in them and the form it has.

    form_of  what besides the value decides on the bytes of a file: format, version of its writer
    """

    def __init__(self, index: Index, form_of: Callable[[Path], str]) -> None:
        self._index = index
        self._form_of = form_of

    def unchanged(self, path: Path, id: ValueId) -> list[str] | None:
        """The warnings of writing the value there; None where another file or none is there."""
        with suppress(sqlite3.Error, OSError, ValueError):
            query = "SELECT digest, warnings FROM saved WHERE id = ? AND form = ?"
            values = (key(id), self._form_of(path))
            found = self._index.connection.execute(query, values).fetchone()
            if found is not None and path.is_file() and file_digest(path) == found[0]:
                then, warnings = json.loads(found[1])
                return [str(each).replace(then, str(path)) for each in warnings]
        return None

    def note(self, path: Path, id: ValueId, written: Written) -> None:
        """The value was written there.

        What is noted is the digest of the bytes that this process wrote. Read back from ``path``
        it could be that of another run, which saved another value under the same name since.
        """
        if self._index.read_only:
            return
        told = json.dumps([str(path), list(written.warnings)])
        with suppress(sqlite3.Error, OSError), self._index.writing() as connection:
            values = (key(id), self._form_of(path), written.digest, told, time.time())
            connection.execute("INSERT OR REPLACE INTO saved VALUES(?, ?, ?, ?, ?)", values)
