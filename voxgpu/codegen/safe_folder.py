"""A folder of files that are executed: only trusted users may have written to it.

The folder is opened once, and files are opened relative to its descriptor: a folder that replaces
it later is never read. Owner and mode are checked on the descriptors.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from weakref import finalize

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

#: Stands for the descriptor of a lock that is not available.
_HELD, _NO_LOCKS = -1, -2

#: Seconds to wait while another process compiles.
_PATIENCE = 60.0

#: Numbers for this process's temporary files.
_NUMBERS = count()


class UnsafeFolder(Exception):
    """The reason why a folder is not used."""


class SafeFolder:
    """A folder that only its owner can write to, by its descriptor if the system supports these.

    owners  the users whose files are read
    """

    def __init__(self, path: Path, descriptor: int | None, owners: Collection[int]) -> None:
        self.path = path
        self._owners = owners
        self._descriptor = descriptor
        if descriptor is not None:
            finalize(self, os.close, descriptor)

    def read(self, name: str) -> bytes:
        """The content of a file. Raises OSError, also if others own it or may write to it."""
        # Nonblocking: the name could belong to a pipe.
        file = self._open(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0), 0)
        with os.fdopen(file, "rb") as opened:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode) or _fault(found, self._owners):
                raise PermissionError(name)
            return opened.read()

    def write(self, name: str, content: bytes) -> None:
        """Writes a file atomically. Raises OSError."""
        unfinished = f".{os.getpid()}-{next(_NUMBERS)}-{os.urandom(4).hex()}"
        file = self._open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(file, "wb") as opened:
                opened.write(content)
            self._rename(unfinished, name)
        except BaseException:
            self._remove(unfinished)
            raise

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Excludes other processes that use the same name.

        After a timeout, or if locks are not supported, it proceeds without the lock.
        """
        end = time.monotonic() + _PATIENCE
        lock = self._locked(name)
        while lock == _HELD and time.monotonic() < end:
            time.sleep(0.01)
            lock = self._locked(name)
        try:
            yield
        finally:
            if lock >= 0:
                self._remove(name)
                os.close(lock)

    def _locked(self, name: str) -> int:
        """The descriptor of a new, locked file; or a marker if another process has it, or none can
        be had.

        The system releases the lock when the process ends, even if it crashes.
        """
        if fcntl is None:
            return _NO_LOCKS
        try:
            lock = self._open(name, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            return _NO_LOCKS
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The previous owner may have removed the file between the two calls.
            if os.path.samestat(os.fstat(lock), os.stat(name, dir_fd=self._descriptor)):
                return lock
            found = _HELD
        except OSError as error:
            gone = (errno.EACCES, errno.EAGAIN, errno.ENOENT)
            found = _HELD if error.errno in gone else _NO_LOCKS
        os.close(lock)
        return found

    def _open(self, name: str, flags: int, mode: int) -> int:
        flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        if self._descriptor is None:
            return os.open(self.path / name, flags, mode)
        return os.open(name, flags, mode, dir_fd=self._descriptor)

    def _rename(self, old: str, new: str) -> None:
        if self._descriptor is None:
            (self.path / old).replace(self.path / new)
        else:
            os.replace(old, new, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)

    def _remove(self, name: str) -> None:
        try:
            if self._descriptor is None:
                (self.path / name).unlink()
            else:
                os.unlink(name, dir_fd=self._descriptor)
        except OSError:
            return


def opened(path: Path, is_own: bool = True) -> SafeFolder:
    """Opens a folder; raises UnsafeFolder if it is none, or others may write to it or replace it.

    is_own  the folder is this user's, and is created if it is missing; else it may be owned by
    root,
            or by the owner of the Python environment, whose code is executed anyway
    """
    try:
        if is_own:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not hasattr(os, "getuid"):  # Windows, where a user's cache folder is the user's
            return SafeFolder(path, None, ())
        path = path.resolve(strict=True)
        owners = {os.getuid()} if is_own else {os.getuid(), 0, Path(sys.prefix).stat().st_uid}
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        folder = SafeFolder(path, descriptor, owners)
        fault = _fault_of_folder(path, descriptor, owners)
    except (OSError, RuntimeError) as error:  # RuntimeError: links that lead to each other
        raise UnsafeFolder(getattr(error, "strerror", None) or str(error)) from None
    if fault:
        raise UnsafeFolder(fault)
    return folder


def _fault_of_folder(path: Path, descriptor: int, owners: Collection[int]) -> str:
    """Why others could have modified a folder or a path to it; empty if they could not."""
    found = os.fstat(descriptor)
    there = path.lstat()
    if (found.st_dev, found.st_ino) != (there.st_dev, there.st_ino):
        return "it was replaced at this moment"
    above = next(filter(_may_be_swapped, path.parents), None)
    fault = _fault(found, owners)
    return fault or (f"others may write to `{above}`" if above is not None else "")


def _fault(status: os.stat_result, owners: Collection[int]) -> str:
    """Why a file or folder is not trusted: its owner, or who else may write to it; empty if
    trusted.
    """
    if not hasattr(os, "getuid"):
        return ""
    if status.st_uid not in owners:
        return "it belongs to another user"
    return "others may write to it" if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) else ""


def _may_be_swapped(parent: Path) -> bool:
    """Whether others may rename the folder's entries: it is writable for them and not sticky.

    A private group of this user, of the same name and without other members, does not count as
    others: many systems give each user one, with write access to all the user's folders.
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
