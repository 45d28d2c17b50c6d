"""A cache of machine code: files named by what they were made from.

Nothing here can fail a run: a folder that cannot be made or written, a truncated or damaged file,
another process that writes the same file, all come out as a miss, and the code is made again.

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

#: Begins every file; another layout would have another number.
_MAGIC = b"voxgpu machine code 1\n"

#: Is told why a folder cannot be used, and says which may be used instead; None: none.
Spare = Callable[[Path, str], Path | None]


class ObjectCache:
    """Object files by key.

    folder  this user's, where new ones go; None: nothing is kept
    suffix  ends the names of files
    others  folders that are read before, and never written to
    spare   what is used instead of ``folder``, if that cannot be
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
        """The object file that was put under ``key``, if it is there and whole."""
        for folder in (*self._others, self._folder):
            found = self._read(folder, key) if folder is not None else None
            if found is not None:
                return found
        return None

    def put(self, key: str, payload: bytes) -> None:
        """Keeps an object file; it appears whole under its name, or not at all."""
        content = _MAGIC + _checksum(key, payload) + payload
        while self._folder is not None:
            try:
                return self._folder.write(self._name(key), content)
            except OSError as error:
                reason = os.strerror(error.errno) if error.errno else str(error)
                self._folder = self._opened_spare(self._folder.path, reason)

    @contextmanager
    def alone(self, key: str) -> Iterator[None]:
        """Waits until no other process makes what has this key; then look whether it is there."""
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
        """The folder that is used from now on instead of one that cannot be; asked for once."""
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
    """The key is part of it: a file under another name is a miss, too."""
    return sha256(key.encode() + payload).digest()
