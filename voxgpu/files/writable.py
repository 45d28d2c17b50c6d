"""Can a file be written at this path? Tried before the work whose result it is to hold."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from voxgpu.ancestor import nearest_ancestor
from voxgpu.files.paths import os_reason
from voxgpu.temporary_files import new_file

#: Bytes that are written to see whether a disk has room: a block of most file systems.
_BLOCK = 4096

#: What `OSError.errno` is where a disk, or what a user may take of it, is used up.
FULL = (errno.ENOSPC, errno.EDQUOT)


def in_the_way(path: Path) -> tuple[str, str] | None:
    """Message and help where a folder, a file or a link is where a file is to be.

    The help is empty where nothing but another folder helps.
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


def write_protected(path: Path, tried: dict[Path, str] | None = None) -> tuple[str, str] | None:
    """Message and help where a file, or the folder it is to be in, may not be written.

    The help is empty where nothing but another folder helps. A file that is not there yet is tried
    with another one in the nearest folder that exists, a block long, which is removed at once: the
    superuser's rights, file systems such as /proc, full disks and quotas show in no other way.
    Folders that are ``tried`` already are not tried again; what came of others is added.
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
    """The folder that a file is to be in, or what there is of its path."""
    return nearest_ancestor(path.absolute().parent)


def full_disk_help(error: OSError) -> str:
    """What to do about a disk without room, or empty where something else is the matter."""
    return "make room there, or save in another folder" if error.errno in FULL else ""


def _objection(folder: Path) -> str:
    """What is wrong with a new file in a folder; empty where one can be written."""
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
