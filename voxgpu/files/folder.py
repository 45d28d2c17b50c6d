"""Listing of folders, restricted to what a program may read."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from voxgpu.files.access import AllowedRoots
from voxgpu.files.errors import FileError
from voxgpu.unicode_paths import forms, on_disk


def listing(
    folder: Path, pattern: str, recursive: bool, whole: bool, roots: AllowedRoots
) -> list[str]:
    """List the names in a folder, sorted; raises FileError if it cannot be read.

    pattern    names to list, as in a shell: ``*_flair.nii.gz``; names that begin with a dot, and
               the content of folders with such names, only if the pattern says so: ``.*``
    recursive  descend into subfolders
    whole      return paths that can be opened from here instead of names within the folder
    """
    roots.check_read(folder)
    folder = on_disk(folder)
    if not folder.is_dir():
        raise FileError(str(folder), "not a folder", "relative ones are looked for from here")
    if not pattern or Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        reason = f"`{pattern}` is not a pattern of names within a folder"
        raise FileError(str(folder), reason, "try `*`")
    try:
        patterns = {pattern, *forms(pattern)}
        paths = sorted({each for one in patterns for each in _matches(folder, one, recursive)})
    except OSError as error:
        raise FileError(str(folder), error.strerror or str(error)) from error
    paths = [each for each in paths if not _is_hidden(each.relative_to(folder), pattern)]
    if roots.read:
        paths = [each for each in paths if _is_allowed(each, roots)]
    return [str(each) if whole else each.relative_to(folder).as_posix() for each in paths]


def _matches(folder: Path, pattern: str, recursive: bool) -> Iterator[Path]:
    yield from folder.rglob(pattern) if recursive else folder.glob(pattern)


def _is_allowed(path: Path, roots: AllowedRoots) -> bool:
    """Whether the path, links resolved, lies within the folders that may be read."""
    try:
        roots.check_read(path)
    except FileError:
        return False
    return True


def _is_hidden(within: Path, pattern: str) -> bool:
    """Whether a shell would omit the path; macOS puts ``._`` files beside others."""
    hidden = [part for part in Path(pattern).parts if part.startswith(".")]
    return any(
        part.startswith(".") and not any(fnmatchcase(part, each) for each in hidden)
        for part in within.parts
    )
