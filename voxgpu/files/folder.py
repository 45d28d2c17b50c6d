"""What is in a folder?"""

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
    """The names of what is in a folder, sorted; raises FileError where it cannot be read.

    pattern    which names, as in a shell: ``*_flair.nii.gz``; names that begin with a dot, and
               what is in folders of such names, only where the pattern says so: ``.*``
    recursive  look into folders within, too
    whole      paths that can be opened from here instead of names within the folder
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
        found = sorted({each for one in patterns for each in _matches(folder, one, recursive)})
    except OSError as error:
        raise FileError(str(folder), error.strerror or str(error)) from error
    found = [each for each in found if not _is_hidden(each.relative_to(folder), pattern)]
    if roots.read:
        found = [each for each in found if _is_allowed(each, roots)]
    return [str(each) if whole else each.relative_to(folder).as_posix() for each in found]


def _matches(folder: Path, pattern: str, recursive: bool) -> Iterator[Path]:
    yield from folder.rglob(pattern) if recursive else folder.glob(pattern)


def _is_allowed(path: Path, roots: AllowedRoots) -> bool:
    """Whether what is there lies within the folders that may be read, links followed."""
    try:
        roots.check_read(path)
    except FileError:
        return False
    return True


def _is_hidden(within: Path, pattern: str) -> bool:
    """Whether a shell would leave out what is there: macOS puts ``._`` twins beside files."""
    asked = [part for part in Path(pattern).parts if part.startswith(".")]
    return any(
        part.startswith(".") and not any(fnmatchcase(part, each) for each in asked)
        for part in within.parts
    )
