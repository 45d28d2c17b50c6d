"""Paths of input files: existence, readability, and suggestions for misspelled names."""

from __future__ import annotations

import itertools
import os
import re
import stat
from pathlib import Path

from voxgpu.files.errors import FileError
from voxgpu.unicode_paths import on_disk

#: The most names of a folder to compare with a misspelled one; more would take seconds.
_NAMES_COMPARED = 5000

#: First bytes of the formats with text headers: NRRD and MetaImage.
_TEXT_HEADERS = (b"NRRD0", b"ObjectType", b"NDims", b"Comment")

_NUMBER = re.compile(r"\d+", re.ASCII)

_LARGE_FILE_POINTER = b"version https://git-lfs"


def existing_path(path: Path, exact: bool = False) -> str:
    """The absolute path of the readable file or folder at ``path``, its folders resolved.

    The last component is kept even if it is a symbolic link: formats are identified by suffix, and
    stores of large data link ``scan.nii.gz`` to files without one. The Unicode normalization of the
    name may differ from the one on the disk, unless ``exact``. Raises FileError if the path does
    not exist, may not be read, or is neither file nor folder.
    """
    try:
        resolved = _resolved(path if exact else on_disk(path))
        kind = resolved.stat().st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
            raise FileError(str(path), "it is neither a file nor a folder")
        _open_once(resolved)
    except ValueError as error:  # an embedded NUL, or a character not allowed in file names
        raise FileError(str(path), f"not a possible file name: {error}") from None
    except FileNotFoundError:
        raise _missing(path, resolved) from None
    except OSError as error:
        raise FileError(str(path), os_reason(error)) from None
    return str(resolved)


def file_size(path: str) -> int:
    """The size of a file in bytes. Raises FileError if it is gone."""
    try:
        return Path(path).stat().st_size
    except OSError as error:
        raise FileError(path, os_reason(error)) from None


def beginning(path: str, count: int) -> bytes:
    """Read the first ``count`` bytes of a file, fewer if it is shorter."""
    try:
        with Path(path).open("rb") as file:
            return file.read(count)
    except OSError as error:
        raise FileError(path, os_reason(error)) from None


def os_reason(error: OSError) -> str:
    """The operating system's message, in lower case and without numbers."""
    return (error.strerror or str(error)).lower()


def describe_non_image(path: str) -> str:
    """Describe a file that is not an image, judging by its first bytes; empty if unknown."""
    first = beginning(path, 512)
    if not first:
        return "the file is empty"
    if first.startswith(_LARGE_FILE_POINTER):
        return "only a Git LFS pointer is here, the image itself has not been fetched"
    if b"\0" not in first and not first.startswith(_TEXT_HEADERS) and _is_text(first):
        return "it is not an image but a text file"
    return ""


def _is_text(first: bytes) -> bool:
    # The last character may be cut in the middle, so up to three bytes are dropped.
    return any(_decodes(first[: len(first) - cut]) for cut in range(4))


def _decodes(text: bytes) -> bool:
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter.isspace() for letter in decoded)


def _resolved(path: Path) -> Path:
    if path.name in ("", ".."):
        return Path(os.path.realpath(path))
    return Path(os.path.realpath(path.parent)) / path.name


def _open_once(resolved: Path) -> None:
    if resolved.is_dir():
        os.scandir(resolved).close()
    else:
        resolved.open("rb").close()


def _missing(path: Path, resolved: Path) -> FileError:
    if resolved.is_symlink():
        return FileError(
            str(path),
            f"it is a link to `{resolved.readlink()}`, which does not exist",
            "fetch its content first (git annex get, datalad get, dvc pull)",
        )
    missing = resolved
    while not missing.parent.is_dir() and missing.parent != missing:
        missing = missing.parent
    reason = "no such file" if missing == resolved else f"there is no folder `{missing}`"
    return FileError(str(path), reason, _did_you_mean(missing.parent, missing.name))


def _did_you_mean(folder: Path, name: str) -> str:
    close = _close(name, _names(folder))
    return f"did you mean {' or '.join(f'`{match}`' for match in close)}?" if close else ""


def _close(name: str, names: list[str]) -> list[str]:
    """Similar names; names with different numbers are excluded, since they mean other files."""
    candidates = [each for each in sorted(names) if _may_be(name, each)]
    import difflib

    return difflib.get_close_matches(name, candidates, n=3)


def _may_be(name: str, other: str) -> bool:
    """Whether two names contain the same numbers, if both contain any."""
    numbers = [[int(each) for each in _NUMBER.findall(text)] for text in (name, other)]
    return not all(numbers) or numbers[0] == numbers[1]


def found_beside(path: str, folder: Path) -> str:
    """The path to write for a file that is missing here but exists beside the program.

    Empty if the file exists here, or in neither folder. ``folder`` is the program's.
    """
    requested = Path(path)
    try:
        is_here = requested.is_absolute() or os.path.lexists(requested) or folder.samefile(Path())
    except (OSError, ValueError):
        return ""
    if is_here:
        return ""
    beside = on_disk(folder / requested)
    if os.path.lexists(beside):
        return (
            f"it is beside the program, and files are looked for in the current folder: write "
            f'"$dir/{path}", or run it in `{folder}`'
        )
    close = _close(requested.name, _names(beside.parent))
    close_here = _close(requested.name, _names(requested.absolute().parent))
    if not close or (
        close_here and _likeness(requested.name, close) <= _likeness(requested.name, close_here)
    ):
        return ""
    every = " or ".join(f'"$dir/{requested.parent / each}"' for each in close)
    return f"did you mean {every}, beside the program?"


def _names(folder: Path) -> list[str]:
    """Some of the names in a folder; none if it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in itertools.islice(entries, _NAMES_COMPARED)]
    except OSError:
        return []


def _likeness(name: str, others: list[str]) -> float:
    """The similarity of a name to the first, and closest, of ``others``."""
    import difflib

    return difflib.SequenceMatcher(None, others[0], name).ratio()
