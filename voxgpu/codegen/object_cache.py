"""Where does machine code wait for the next run? In files named by what they were made from.

Nothing here can fail a run: a folder that cannot be made or written, a truncated or damaged file,
another process that writes the same file, all come out as a miss, and the code is made again. The
content of a file is executed, so a folder that others could have written to is not used.
"""

from __future__ import annotations

import os
import stat
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile

#: Begins every file; another layout would have another number.
_MAGIC = b"voxgpu machine code 1\n"


class ObjectCache:
    """Object files by key, in ``folder``; None: nothing is kept. ``suffix`` ends their names."""

    def __init__(self, folder: Path | None, suffix: str = ".o") -> None:
        self._suffix = suffix
        self._folder = folder if folder is not None and _is_ours(folder) else None

    def get(self, key: str) -> bytes | None:
        """The object file that was put under ``key``, if it is there and whole."""
        if self._folder is None:
            return None
        try:
            content = self._path(self._folder, key).read_bytes()
        except OSError:
            return None
        head = len(_MAGIC) + 32
        payload = content[head:]
        if content[:head] != _MAGIC + _checksum(key, payload):
            return None
        return payload

    def put(self, key: str, payload: bytes) -> None:
        """Keeps an object file; it appears whole under its name, or not at all."""
        if self._folder is None:
            return
        path = self._path(self._folder, key)
        try:
            with NamedTemporaryFile(dir=self._folder, prefix=".", delete=False) as file:
                temporary = Path(file.name)
                try:
                    file.write(_MAGIC + _checksum(key, payload) + payload)
                    file.close()
                    temporary.replace(path)
                except BaseException:
                    temporary.unlink(missing_ok=True)
                    raise
        except OSError:
            return

    def _path(self, folder: Path, key: str) -> Path:
        return folder / f"{key}{self._suffix}"


def default_folder() -> Path:
    """The folder of this user's platform for files that can be made again."""
    from platformdirs import user_cache_path

    return user_cache_path("voxgpu") / "kernels"


def _checksum(key: str, payload: bytes) -> bytes:
    """The key is part of it: a file under another name is a miss, too."""
    return sha256(key.encode() + payload).digest()


def _is_ours(folder: Path) -> bool:
    """Makes the folder; whether it is a folder that only this user can write to."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError:
        return False
    if not hasattr(os, "getuid"):  # Windows, where a user's cache folder is the user's
        return True
    mine = found.st_uid == os.getuid()
    return mine and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
