"""Temporary files and folders that exist only while this process uses them.

Each is locked while it is in use. A killed process leaves them behind unlocked, and the next
process that works in the same folder removes them. Their names include the host: locks of another
host may not be visible here, so its files are removed only after a day.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from threading import RLock

from voxgpu.process_start import host_name

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

#: Suffix of partially written files.
PART = ".part"

#: Age in seconds after which unlocked files of any host are considered abandoned.
_OLD = 24 * 3600.0

#: Name of the lock file in a temporary folder.
_LOCK = ".lock"

_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_COUNTER = itertools.count()

#: Name patterns of files created by `new_file`, with their host; and of folders.
_FILE = re.compile(r"\.(?:.*\.)?(?:(?P<host>[\w-]*)-)?\d+[.-]\d+\.part(?:\.\w+)*")
_FOLDER = re.compile(r"voxgpu-[a-z]+-(?P<host>.+)-(?P<process>\d+)-[^-]+")


class TemporaryFile:
    """A temporary file or folder; ``descriptor`` holds its lock, None if locks are unsupported."""

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self.path = path
        self.descriptor = descriptor
        _THERE[self.path] = self

    def become(self, path: Path) -> None:
        """Renames the file to its final path, which is then permanent. Raises OSError."""
        if fcntl is None:
            self.release()  # an open file cannot be renamed
        self.path.replace(path)
        self.release()

    def remove(self) -> None:
        """Removes it, unless it has been renamed or removed already."""
        if _THERE.get(self.path) is self:
            _remove(self.path)
            self.release()

    def release(self) -> None:
        """Releases the lock without removing the file."""
        with _ENDING:
            _THERE.pop(self.path, None)
            if self.descriptor is not None:
                os.close(self.descriptor)
                self.descriptor = None


_THERE: dict[Path, TemporaryFile] = {}

#: Held while a file is created or released, and forever by a process about to exit.
_ENDING = RLock()


def new_file(folder: Path, name: str, suffix: str = "", mode: int = 0o666) -> TemporaryFile:
    """Creates an empty file whose name starts with ``.name``. Raises OSError.

    On first use of a folder, files that killed processes left there are removed.
    """
    sweep_files(folder)
    # File names are limited to 255 bytes, and a letter takes up to four.
    start = f".{name[:40]}.{computer()}-{os.getpid()}"
    while True:
        path = folder / f"{start}.{next(_COUNTER)}{PART}{suffix}"
        with _ENDING:
            try:
                descriptor = os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, mode)
            except FileExistsError:
                continue
            if _locked(descriptor):
                if fcntl is None:
                    os.close(descriptor)
                return TemporaryFile(path, None if fcntl is None else descriptor)
        os.close(descriptor)  # another process, checking whether it is in use, removes it


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside a file, which becomes the file if nothing is raised.

    Raises OSError where the file cannot be written.
    """
    file = new_file(path.parent, path.name)
    try:
        yield file.path
        file.become(path)
    finally:
        file.remove()


def new_folder(kind: str, parent: Path | None = None) -> TemporaryFile:
    """Creates a folder accessible to this user only. Raises OSError.

    kind    a word for its name
    parent  the parent folder, created if missing; None: the system's temporary folder
    """
    parent = parent or Path(tempfile.gettempdir())
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    sweep_folders(parent)
    while True:
        with _ENDING:
            name = f"voxgpu-{kind}-{computer()}-{os.getpid()}-"
            path = Path(tempfile.mkdtemp(prefix=name, dir=parent))
            if fcntl is None:
                return TemporaryFile(path, None)
            with suppress(FileNotFoundError):
                descriptor = os.open(path / _LOCK, _FLAGS | os.O_CREAT, 0o600)
                if _locked(descriptor):
                    return TemporaryFile(path, descriptor)
                os.close(descriptor)


@contextmanager
def temporary_folder(kind: str) -> Iterator[Path]:
    """Yields a temporary folder, which is removed afterwards."""
    folder = new_folder(kind)
    try:
        yield folder.path
    finally:
        folder.remove()


def sweep_files(folder: Path) -> None:
    """Removes the files that killed processes left in a folder; once per folder."""
    if _is_first(folder):
        for path in left_files(folder):
            with suppress(OSError):
                path.unlink()


def left_files(folder: Path) -> Iterator[Path]:
    """Yields the files that killed processes left in a folder."""
    names = []
    with suppress(OSError), os.scandir(folder) as entries:
        names = [each.name for each in entries if each.name.startswith(".") and PART in each.name]
    for name in names:
        parsed = _FILE.fullmatch(name)
        if parsed is not None and is_abandoned(folder / name, parsed["host"] == computer()):
            yield folder / name


def sweep_folders(parent: Path) -> None:
    """Removes the folders that killed processes left; once per parent."""
    if not _is_first(parent):
        return
    names = []
    with suppress(OSError), os.scandir(parent) as entries:
        names = [each.name for each in entries if each.name.startswith("voxgpu-")]
    for name in names:
        parsed = _FOLDER.fullmatch(name)
        if parsed is None or not _is_own_folder(parent / name):
            continue
        if is_abandoned(parent / name / _LOCK, parsed["host"] == computer(), parent / name):
            shutil.rmtree(parent / name, ignore_errors=True)


def is_abandoned(locked: Path, here: bool, what: Path | None = None) -> bool:
    """Returns whether a file or folder is abandoned.

    locked  the file that its process locks
    here    whether it was created on this host
    what    the file whose age counts; None: ``locked``
    """
    try:
        if not here or fcntl is None:
            return _is_old(what or locked)
        descriptor = os.open(locked, _FLAGS | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return what is not None and _is_old(what)
    except OSError:
        return False
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid():
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return _is_old(what or locked)  # locks are unsupported
    finally:
        os.close(descriptor)
    return True


@cache
def computer() -> str:
    """Returns the host name in the form used in file names."""
    return re.sub(r"\W", "-", host_name())[:32]


def remove_all() -> None:
    """Removes all temporary files of this process, which must exit: no new ones can be created."""
    _ENDING.acquire(timeout=1.0)
    for each in list(_THERE.values()):
        _remove(each.path)


def forget_all() -> None:
    """Leaves all temporary files to the parent process, after a fork."""
    global _ENDING
    _ENDING = RLock()
    for each in _THERE.values():
        if each.descriptor is not None:
            os.close(each.descriptor)
            each.descriptor = None
    _THERE.clear()


def _locked(descriptor: int) -> bool:
    """Locks a new file; returns False if another process has locked it to remove it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # locks are unsupported
    return os.fstat(descriptor).st_nlink > 0


def _is_old(path: Path) -> bool:
    return time.time() - path.lstat().st_mtime > _OLD


def _is_own_folder(path: Path) -> bool:
    with suppress(OSError):
        status = path.lstat()
        return stat.S_ISDIR(status.st_mode) and (
            not hasattr(os, "getuid") or status.st_uid == os.getuid()
        )
    return False


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


_SWEPT: set[Path] = set()


def _is_first(folder: Path) -> bool:
    where = folder.absolute()
    if where in _SWEPT:
        return False
    _SWEPT.add(where)
    return True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forget_all)
