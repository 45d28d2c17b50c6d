"""In which folder do caches of this user lie, and where instead, if that cannot be used?

The folder is the first of ``VOXGPU_CACHE`` that can be written to, else the platform's folder for
caches, else a private one among temporary files: a run never fails over its caches. What is not as
somebody may expect is told (``told.py``).
"""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from voxgpu.ancestor import nearest_ancestor
from voxgpu.caches.notices import tell

#: The variable that names folders of caches, separated as in PATH.
VARIABLE = "VOXGPU_CACHE"

#: A disk with less room counts as full.
_LEAST_FREE = 1 << 20

_HELP = f"set {VARIABLE} to a folder of your own on a disk with room"


@dataclass(frozen=True, slots=True)
class Place:
    """Where caches lie.

    folder  what is new goes there; None: nowhere
    others  folders that are read first, and not written to
    """

    folder: Path | None
    others: tuple[Path, ...] = ()


def place(variables: Mapping[str, str] | None = None) -> Place:
    """Where the caches of this process lie; tells where that is not where they should."""
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
        own, problems = _usual()
    environment = environment_folder()
    if _has_kernels(environment):
        others.append(environment)
    if problems:
        own = own or private_folder()
        where = f"kept in `{own}`" if own is not None else "not kept"
        for wanted, problem in problems:
            tell(
                f"{wanted} cannot be used for caches, {problem}: "
                f"results and compiled kernels are {where}",
                _HELP,
            )
    return Place(own, tuple(others))


def environment_folder() -> Path:
    """The caches that come with the Python environment, for all who use it."""
    return Path(sys.prefix) / "share" / "voxgpu"


def problem_of(folder: Path) -> str:
    """Why nothing can be written in a folder, which need not be there yet; empty where it can."""
    place = nearest_ancestor(folder)
    if not place.is_dir():
        return f"`{place}` is a file"
    if not os.access(place, os.W_OK | os.X_OK):
        return f"`{place}` may not be written to"
    if not _disk_bytes(place):
        return f"nothing can be written in `{place}`"  # such as /proc
    return f"the disk of `{place}` is full" if is_full(place) else ""


def is_full(folder: Path) -> bool:
    """Whether there is hardly any room on the disk of a folder."""
    try:
        return shutil.disk_usage(folder).free < _LEAST_FREE
    except OSError:
        return False


def _has_kernels(folder: Path) -> bool:
    """Whether compiled kernels lie in a folder, and may be read."""
    kernels = folder / "kernels"
    # `is_dir` raises in forbidden folders.
    return os.path.isdir(kernels) and os.access(kernels, os.R_OK)  # noqa: PTH112


def _disk_bytes(folder: Path) -> int:
    """The bytes of the disk of a folder; at least one where that is not known."""
    try:
        return shutil.disk_usage(folder).total
    except OSError:
        return 1


@lru_cache(maxsize=1)
def private_folder() -> Path | None:
    """A folder among temporary files that only this user can look into; None where there is none.

    It stays for later runs, if nobody else has taken its name; else it goes with the process.
    """
    try:
        parent = Path(tempfile.gettempdir())
    except OSError:
        return None
    if problem_of(parent) or _is_only_where_we_are(parent):
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


def _usual() -> tuple[Path | None, list[tuple[str, str]]]:
    """The platform's folder, or what is wrong with it."""
    from platformdirs import user_cache_path

    try:
        folder = user_cache_path("voxgpu")
    except RuntimeError:  # neither a home nor a user of this number
        folder = Path("~")
    if not folder.is_absolute():
        return None, [("the home folder", "there is none")]
    problem = problem_of(folder) or _others(folder)
    return (None, [(f"`{folder}`", problem)]) if problem else (folder, [])


def _others(folder: Path) -> str:
    """Says so where a folder would lie in another user's, as with ``sudo`` that keeps HOME."""
    if not hasattr(os, "getuid"):
        return ""
    folder = nearest_ancestor(folder)
    # Of root are the folders that all may use, such as a HOME of /tmp.
    if folder.stat().st_uid in (os.getuid(), 0):
        return ""
    return f"`{folder}` belongs to another user"


def _is_private(folder: Path) -> bool:
    found = folder.lstat()
    if not hasattr(os, "getuid"):
        return stat.S_ISDIR(found.st_mode)
    is_mine = found.st_uid == os.getuid() and not found.st_mode & 0o077
    return stat.S_ISDIR(found.st_mode) and is_mine


def _is_only_where_we_are(parent: Path) -> bool:
    """Python takes the current folder where there is none for temporary files."""
    named = (os.environ.get(each) for each in ("TMPDIR", "TEMP", "TMP"))
    here = Path.cwd()
    return parent == here and not any(each and Path(each).absolute() == here for each in named)
