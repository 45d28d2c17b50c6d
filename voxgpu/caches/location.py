"""Location of the cache folder, with fallbacks.

It is the first writable folder of ``VOXGPU_CACHE``, else the platform's cache folder, else a
private temporary folder: a run never fails because of its caches. Deviations that the user may not
expect are reported (``notices.py``).
"""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from voxgpu.ancestor import nearest_ancestor
from voxgpu.caches.notices import tell
from voxgpu.frozen import frozen

#: The variable that names cache folders, separated as in PATH.
VARIABLE = "VOXGPU_CACHE"

#: A disk with fewer free bytes counts as full.
_LEAST_FREE = 1 << 20

_HELP = f"set {VARIABLE} to a folder of your own on a disk with room"


@frozen(slots=True)
class Place:
    """The cache folders.

    folder  new files are written there; None: nowhere
    others  folders that are read first, and not written to
    """

    folder: Path | None
    others: tuple[Path, ...] = ()


def place(variables: Mapping[str, str] | None = None) -> Place:
    """The cache folders of this process; reports a fallback."""
    variables = os.environ if variables is None else variables
    names = (each for each in variables.get(VARIABLE, "").split(os.pathsep) if each)
    named = [Path(os.path.abspath(each)) for each in names]  # noqa: PTH100 (links stay)
    own: Path | None = None
    others, problems = [], []
    for folder in named:
        problem = problem_of(folder)
        if not problem and own is None:
            own = folder
        elif _has_kernels(folder):
            others.append(folder)
        elif problem:
            problems.append((f"`{folder}`", problem))
    if own is None and not problems:
        own, problems = _platform_folder()
    environment = environment_folder()
    if _has_kernels(environment):
        others.append(environment)
    if problems:
        own = own or private_folder()
        where = f"kept in `{own}`" if own is not None else "not kept"
        for preferred, problem in problems:
            tell(
                f"{preferred} cannot be used for caches, {problem}: "
                f"results and compiled kernels are {where}",
                _HELP,
            )
    return Place(own, tuple(others))


def environment_folder() -> Path:
    """The cache folder inside the Python environment, shared by all its users."""
    return Path(sys.prefix) / "share" / "voxgpu"


def problem_of(folder: Path) -> str:
    """Why nothing can be written in a folder, which need not exist; empty if it can."""
    place = nearest_ancestor(folder)
    if not place.is_dir():
        return f"`{place}` is a file"
    if not os.access(place, os.W_OK | os.X_OK):
        return f"`{place}` may not be written to"
    if not _disk_bytes(place):
        return f"nothing can be written in `{place}`"  # such as /proc
    return f"the disk of `{place}` is full" if is_full(place) else ""


def is_full(folder: Path) -> bool:
    """Whether the disk of a folder is almost full."""
    try:
        return shutil.disk_usage(folder).free < _LEAST_FREE
    except OSError:
        return False


def _has_kernels(folder: Path) -> bool:
    """Whether a folder has readable compiled kernels."""
    kernels = folder / "kernels"
    # `is_dir` raises in folders without permission.
    return os.path.isdir(kernels) and os.access(kernels, os.R_OK)  # noqa: PTH112


def _disk_bytes(folder: Path) -> int:
    """The size of the disk of a folder in bytes; 1 if unknown."""
    try:
        return shutil.disk_usage(folder).total
    except OSError:
        return 1


@lru_cache(maxsize=1)
def private_folder() -> Path | None:
    """A temporary folder that only this user can access; None if there is none.

    It is kept for later runs, unless someone else has taken its name; then it is deleted with the
    process.
    """
    try:
        parent = Path(tempfile.gettempdir())
    except OSError:
        return None
    if problem_of(parent) or _is_current_folder(parent):
        return None
    name = f"voxgpu-{os.getuid()}" if hasattr(os, "getuid") else "voxgpu"
    folder = parent / name
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if _is_private(folder):
            return folder
        other = Path(tempfile.mkdtemp(prefix="voxgpu-"))
    except OSError:
        return None
    atexit.register(shutil.rmtree, other, ignore_errors=True)
    return other


def _platform_folder() -> tuple[Path | None, list[tuple[str, str]]]:
    """The platform's folder, or its problem."""
    from platformdirs import user_cache_path

    try:
        folder = user_cache_path("voxgpu")
    except RuntimeError:  # neither a home nor a user with this number
        folder = Path("~")
    if not folder.is_absolute():
        return None, [("the home folder", "there is none")]
    problem = problem_of(folder) or _owner_problem(folder)
    return (None, [(f"`{folder}`", problem)]) if problem else (folder, [])


def _owner_problem(folder: Path) -> str:
    """A problem if the folder would be in another user's, as with ``sudo`` that keeps HOME."""
    if not hasattr(os, "getuid"):
        return ""
    folder = nearest_ancestor(folder)
    # Folders that everyone may use belong to root, such as a HOME of /tmp.
    if folder.stat().st_uid in (os.getuid(), 0):
        return ""
    return f"`{folder}` belongs to another user"


def _is_private(folder: Path) -> bool:
    status = folder.lstat()
    if not hasattr(os, "getuid"):
        return stat.S_ISDIR(status.st_mode)
    is_mine = status.st_uid == os.getuid() and not status.st_mode & 0o077
    return stat.S_ISDIR(status.st_mode) and is_mine


def _is_current_folder(parent: Path) -> bool:
    """Whether Python fell back to the current folder for temporary files."""
    named = (os.environ.get(each) for each in ("TMPDIR", "TEMP", "TMP"))
    here = Path.cwd()
    return parent == here and not any(each and Path(each).absolute() == here for each in named)
