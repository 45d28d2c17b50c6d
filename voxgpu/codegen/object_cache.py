"""A cache of machine code: files named by what they were made from.

Nothing here can fail a run: a folder that cannot be made or written, a truncated or damaged file,
another process that writes the same file, all come out as a miss, and the code is made again.

The content of a file is executed, so a folder that others could have written to is not used. The
folder is opened once, and files are opened relative to its descriptor: whatever is put in its place
later is never read. Owner and mode are checked on the descriptors.
"""

from __future__ import annotations

import os
import stat
from hashlib import sha256
from itertools import count
from pathlib import Path
from weakref import finalize

#: Begins every file; another layout would have another number.
_MAGIC = b"voxgpu machine code 1\n"

#: Numbers for unfinished files of this process.
_NUMBERS = count()


class ObjectCache:
    """Object files by key, in ``folder``; None: nothing is kept. ``suffix`` ends their names."""

    def __init__(self, folder: Path | None, suffix: str = ".o") -> None:
        self._suffix = suffix
        self._folder = _opened(folder) if folder is not None else None

    def get(self, key: str) -> bytes | None:
        """The object file that was put under ``key``, if it is there and whole."""
        if self._folder is None:
            return None
        try:
            content = self._folder.read(self._name(key))
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
        try:
            self._folder.write(self._name(key), _MAGIC + _checksum(key, payload) + payload)
        except OSError:
            return

    def _name(self, key: str) -> str:
        return f"{key}{self._suffix}"


class _Folder:
    """A folder that only this user can write to, by its descriptor where the system has these."""

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self._path = path
        self._descriptor = descriptor
        if descriptor is not None:
            finalize(self, os.close, descriptor)

    def read(self, name: str) -> bytes:
        """The content of a file. Raises OSError, also where others own it or may write to it."""
        # Without waiting: what has the name could be a pipe.
        file = self._open(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0), 0)
        with os.fdopen(file, "rb") as opened:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode) or not _is_mine_alone(found):
                raise PermissionError(name)
            return opened.read()

    def write(self, name: str, content: bytes) -> None:
        """Puts a file under a name, whole. Raises OSError."""
        unfinished = f".{os.getpid()}-{next(_NUMBERS)}-{os.urandom(4).hex()}"
        file = self._open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(file, "wb") as opened:
                opened.write(content)
            self._rename(unfinished, name)
        except BaseException:
            self._remove(unfinished)
            raise

    def _open(self, name: str, flags: int, mode: int) -> int:
        flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        if self._descriptor is None:
            return os.open(self._path / name, flags, mode)
        return os.open(name, flags, mode, dir_fd=self._descriptor)

    def _rename(self, old: str, new: str) -> None:
        if self._descriptor is None:
            (self._path / old).replace(self._path / new)
        else:
            os.replace(old, new, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)

    def _remove(self, name: str) -> None:
        try:
            if self._descriptor is None:
                (self._path / name).unlink()
            else:
                os.unlink(name, dir_fd=self._descriptor)
        except OSError:
            return


def default_folder() -> Path:
    """The folder of this user's platform for files that can be made again."""
    from platformdirs import user_cache_path

    return user_cache_path("voxgpu") / "kernels"


def _checksum(key: str, payload: bytes) -> bytes:
    """The key is part of it: a file under another name is a miss, too."""
    return sha256(key.encode() + payload).digest()


def _opened(path: Path) -> _Folder | None:
    """Makes and opens the folder; None where it cannot be, or others may write to it or swap it."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not hasattr(os, "getuid"):  # Windows, where a user's cache folder is the user's
            return _Folder(path, None)
        path = path.resolve(strict=True)
        folder = _Folder(path, os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW))
        return folder if _is_safe(path, folder) else None
    except (OSError, RuntimeError):  # RuntimeError: links that lead to each other
        return None


def _is_safe(path: Path, folder: _Folder) -> bool:
    """Whether only this user can write to the folder, and to what leads to it."""
    assert folder._descriptor is not None
    found = os.fstat(folder._descriptor)
    there = path.lstat()
    same = (found.st_dev, found.st_ino) == (there.st_dev, there.st_ino)
    return same and _is_mine_alone(found) and not any(map(_may_be_swapped, path.parents))


def _is_mine_alone(found: os.stat_result) -> bool:
    """Whether this user owns it and nobody else may write to it."""
    if not hasattr(os, "getuid"):
        return True
    return found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _may_be_swapped(parent: Path) -> bool:
    """Whether others may rename what lies in a folder: they may write to it and it is not sticky.

    A group of this user's own, of the same name and without other members, is not others: many
    systems give each user one, and let it write to all the user's folders.
    """
    found = parent.stat()
    if found.st_mode & stat.S_ISVTX:
        return False
    if found.st_mode & stat.S_IWOTH:
        return True
    return bool(found.st_mode & stat.S_IWGRP) and not _is_own_group(found.st_gid)


def _is_own_group(number: int) -> bool:
    from grp import getgrgid
    from pwd import getpwuid

    try:
        group, user = getgrgid(number), getpwuid(os.getuid())
    except KeyError:
        return False
    alone = set(group.gr_mem) <= {user.pw_name}
    return group.gr_name == user.pw_name and user.pw_gid == number and alone
