"""A cache of machine code: files named by what they were made from.

No failure here can fail a run: a folder that cannot be created or written, a truncated or damaged
file, or another process writing the same file all count as a miss, and the code is generated again.

The content of a file is executed, so a folder that others could have written to is not used; see
``safe_folder.py``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from hashlib import sha256
from pathlib import Path

from voxgpu.caches.notices import tell
from voxgpu.codegen.safe_folder import SafeFolder, UnsafeFolder, opened

#: The first bytes of every file; they change with the layout.
_MAGIC = b"voxgpu machine code 1\n"

#: Called with the reason why a folder is unusable; returns a replacement, or None.
Spare = Callable[[Path, str], Path | None]


class ObjectCache:
    """Object files by key.

    folder  this user's, for new files; None: nothing is stored
    suffix  of file names
    others  folders that are read first, and never written to
    spare   returns a replacement if ``folder`` is unusable
    """

    def __init__(
        self,
        folder: Path | None,
        suffix: str = ".o",
        others: Sequence[Path] = (),
        spare: Spare = lambda folder, reason: None,
    ) -> None:
        self._suffix = suffix
        self._spare: Spare | None = spare
        self._others = [each for each in map(self._opened_other, others) if each is not None]
        self._folder = self._opened(folder)

    def get(self, key: str) -> bytes | None:
        """The object file stored under ``key``; None if it is missing or damaged."""
        for folder in (*self._others, self._folder):
            found = self._read(folder, key) if folder is not None else None
            if found is not None:
                return found
        return None

    def put(self, key: str, payload: bytes) -> None:
        """Stores an object file; it appears under its name atomically."""
        content = _MAGIC + _checksum(key, payload) + payload
        while self._folder is not None:
            try:
                return self._folder.write(self._name(key), content)
            except OSError as error:
                reason = os.strerror(error.errno) if error.errno else str(error)
                self._folder = self._opened_spare(self._folder.path, reason)

    @contextmanager
    def alone(self, key: str) -> Iterator[None]:
        """Excludes other processes that build the same key; look up the key again inside."""
        name = f".{self._name(key)}.lock"
        with self._folder.alone(name) if self._folder is not None else nullcontext():
            yield

    def _read(self, folder: SafeFolder, key: str) -> bytes | None:
        try:
            content = folder.read(self._name(key))
        except OSError:
            return None
        head = len(_MAGIC) + 32
        payload = content[head:]
        return payload if content[:head] == _MAGIC + _checksum(key, payload) else None

    def _opened(self, folder: Path | None) -> SafeFolder | None:
        if folder is None:
            return None
        try:
            return opened(folder)
        except UnsafeFolder as problem:
            return self._opened_spare(folder, str(problem))

    def _opened_spare(self, folder: Path, reason: str) -> SafeFolder | None:
        """The replacement for an unusable folder; requested only once."""
        spare, self._spare = self._spare, None
        return self._opened(spare(folder, reason)) if spare is not None else None

    def _opened_other(self, folder: Path) -> SafeFolder | None:
        try:
            return opened(folder, is_own=False)
        except UnsafeFolder as problem:
            tell(
                f"compiled kernels in `{folder}` are not used, {problem}: "
                "each that is needed is compiled anew, which takes up to a second",
                "it must belong to you, to root or to the owner of the Python environment, and "
                "nobody else may write to it",
            )
            return None

    def _name(self, key: str) -> str:
        return f"{key}{self._suffix}"


def _checksum(key: str, payload: bytes) -> bytes:
    """The checksum includes the key, so a renamed file is a miss, too."""
    return sha256(key.encode() + payload).digest()
