"""Files and folders that are there only while this process works on them.

Each is locked for as long as it is. A process that is killed leaves them behind without a lock, and
the next one that works in the same folder removes them. Names tell the computer: locks of another
one may not be seen here, so what it left is removed only after a day.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from threading import RLock

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

#: What a file of which only a part was written is called.
PART = ".part"

#: Seconds after which whatever nobody has a lock on is no one's.
_OLD = 24 * 3600.0

#: In a folder: the file that is locked.
_LOCK = ".lock"

_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_COUNTER = itertools.count()

#: Names of files that `new_file` makes, with their computer; and of folders.
_FILE = re.compile(r"\.(?:.*\.)?(?:(?P<host>[\w-]*)-)?\d+[.-]\d+\.part(?:\.\w+)*")
_FOLDER = re.compile(r"voxgpu-[a-z]+-(?P<host>.+)-(?P<process>\d+)-[^-]+")


class TemporaryFile:
    """A file or folder of this process; ``descriptor`` is the lock, None where there are none."""

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self.path = path
        self.descriptor = descriptor
        _THERE[self.path] = self

    def become(self, path: Path) -> None:
        """Gives a file its name; raises OSError. Nobody removes it from then on."""
        if fcntl is None:
            self.release()  # what is open cannot be renamed
        self.path.replace(path)
        self.release()

    def remove(self) -> None:
        """Removes it; nothing where it has its name, or somebody else removed it."""
        if _THERE.get(self.path) is self:
            _remove(self.path)
            self.release()

    def release(self) -> None:
        """Lets go of it, and leaves it where it is."""
        with _ENDING:
            _THERE.pop(self.path, None)
            if self.descriptor is not None:
                os.close(self.descriptor)
                self.descriptor = None


_THERE: dict[Path, TemporaryFile] = {}

#: Held while one is made or let go; for ever by a process that is going to end.
_ENDING = RLock()


def new_file(folder: Path, name: str, suffix: str = "", mode: int = 0o666) -> TemporaryFile:
    """An empty file whose name begins with ``.name``. Raises OSError.

    Removes what killed processes left in the folder, when it is used first.
    """
    sweep_files(folder)
    # Names may have 255 bytes, of which a letter takes up to four.
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
        os.close(descriptor)  # whoever looked whether it is in use removes it


def new_folder(kind: str, parent: Path | None = None) -> TemporaryFile:
    """A folder that only this user can look into. Raises OSError.

    kind    a word for its name
    parent  where it is made, itself made if need be; None: where temporary files are
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
    """A folder for temporary files, gone afterwards."""
    folder = new_folder(kind)
    try:
        yield folder.path
    finally:
        folder.remove()


def sweep_files(folder: Path) -> None:
    """Removes the files that killed processes left in a folder; once for each folder."""
    if _is_first(folder):
        for path in left_files(folder):
            with suppress(OSError):
                path.unlink()


def left_files(folder: Path) -> Iterator[Path]:
    """The files that killed processes left in a folder."""
    names = []
    with suppress(OSError), os.scandir(folder) as entries:
        names = [each.name for each in entries if each.name.startswith(".") and PART in each.name]
    for name in names:
        found = _FILE.fullmatch(name)
        if found is not None and is_left(folder / name, found["host"] == computer()):
            yield folder / name


def sweep_folders(parent: Path) -> None:
    """Removes the folders that killed processes left; once for each parent."""
    if not _is_first(parent):
        return
    names = []
    with suppress(OSError), os.scandir(parent) as entries:
        names = [each.name for each in entries if each.name.startswith("voxgpu-")]
    for name in names:
        found = _FOLDER.fullmatch(name)
        if found is None or not _is_own_folder(parent / name):
            continue
        if is_left(parent / name / _LOCK, found["host"] == computer(), parent / name):
            shutil.rmtree(parent / name, ignore_errors=True)


def is_left(locked: Path, here: bool, what: Path | None = None) -> bool:
    """Whether no process works on something any more.

    locked  the file that it locks while it does
    here    whether it is one of this computer
    what    what is as old as it is; None: that file
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
        return _is_old(what or locked)  # there are no locks here
    finally:
        os.close(descriptor)
    return True


@cache
def computer() -> str:
    """The name of this computer, as names of files have it."""
    return re.sub(r"\W", "-", socket.gethostname())[:32]


def remove_all() -> None:
    """Removes everything of this process, which must end then: nothing new can be made."""
    _ENDING.acquire(timeout=1.0)
    for each in list(_THERE.values()):
        _remove(each.path)


def forget_all() -> None:
    """Leaves everything to the process that this one was forked from."""
    global _ENDING
    _ENDING = RLock()
    for each in _THERE.values():
        if each.descriptor is not None:
            os.close(each.descriptor)
            each.descriptor = None
    _THERE.clear()


def _locked(descriptor: int) -> bool:
    """Locks a file that was just made; False where somebody else did, and is going to remove it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # there are no locks here
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
