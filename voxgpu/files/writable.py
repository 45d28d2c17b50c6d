"""Write tests: whether a file can be written at a path, tried before its content is computed."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from voxgpu.ancestor import nearest_ancestor
from voxgpu.files.paths import os_reason
from voxgpu.temporary_files import new_file

#: Bytes written to test whether a disk has room: a block of most file systems.
_BLOCK = 4096

#: Values of `OSError.errno` for a full disk or an exhausted quota.
FULL = (errno.ENOSPC, errno.EDQUOT)


def path_obstruction(path: Path) -> tuple[str, str] | None:
    """Message and help if a folder, a file or a link obstructs the path of a new file.

    The help is empty if only another folder helps.
    """
    if os.path.isdir(path):  # noqa: PTH112 (methods of Path raise in forbidden folders)
        return f"`{path}` is a folder", "give the name of a file"
    if os.path.islink(path):  # noqa: PTH114
        help = "save under another name, or remove the link first"
        return f"`{path}` is a link, which would be replaced", help
    folder = folder_of(path)
    if not os.path.isdir(folder):  # noqa: PTH112
        return f"`{folder}` is not a folder", ""
    return None


def write_protection(path: Path, tried: dict[Path, str] | None = None) -> tuple[str, str] | None:
    """Message and help if a file, or the folder for it, cannot be written.

    The help is empty if only another folder helps. For a file that does not exist yet, a test file
    of one block is written to the nearest existing folder and removed at once: the superuser's
    rights, file systems such as /proc, full disks and quotas show in no other way. ``tried`` caches
    the results for folders: cached folders are not tested again, others are added.
    """
    there = os.path.exists(path)  # noqa: PTH110
    if there and not path.stat().st_mode & 0o222:
        return f"`{path}` is write-protected", "save under another name, or allow it: chmod u+w"
    folder = folder_of(path)
    if there:
        allowed = os.access(folder, os.W_OK | os.X_OK)
        return None if allowed else (f"`{folder}` may not be written in", "")
    tried = {} if tried is None else tried
    if folder not in tried:
        tried[folder] = _objection(folder)
    return (tried[folder], "") if tried[folder] else None


def folder_of(path: Path) -> Path:
    """The existing folder nearest to the path of a file."""
    return nearest_ancestor(path.absolute().parent)


def full_disk_help(error: OSError) -> str:
    """Advice about a full disk, or empty for other errors."""
    return "make room there, or save in another folder" if error.errno in FULL else ""


def _objection(folder: Path) -> str:
    """Why a new file cannot be written in a folder; empty if it can."""
    try:
        trial = new_file(folder, "voxgpu-trial")
        try:
            trial.path.write_bytes(bytes(_BLOCK))
        finally:
            trial.remove()
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            return f"`{folder}` may not be written in"
        if error.errno == errno.EROFS:
            return f"`{folder}` may not be written in: its file system is read-only"
        if error.errno in FULL:
            return f"`{folder}` has no room: {os_reason(error)}"
        return f"no file can be written in `{folder}`: {os_reason(error)}"
    return ""
