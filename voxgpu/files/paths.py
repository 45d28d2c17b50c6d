"""Is there something to read at this path, and if not, which file may have been meant?"""

from __future__ import annotations

import difflib
import itertools
import os
import re
import stat
from pathlib import Path

from voxgpu.files.errors import FileError
from voxgpu.unicode_paths import on_disk

#: Names of a folder that are compared with a misspelled one; comparing more takes seconds.
_NAMES_COMPARED = 5000

#: How formats begin whose headers are text: NRRD and MetaImage.
_TEXT_HEADERS = (b"NRRD0", b"ObjectType", b"NDims", b"Comment")

_NUMBER = re.compile(r"\d+", re.ASCII)

_LARGE_FILE_POINTER = b"version https://git-lfs"


def existing(path: Path, exact: bool = False) -> str:
    """The absolute path of the readable file or folder at ``path``, its folders resolved.

    The last name is kept also where it is a symbolic link: formats are told by suffixes, and
    stores of large data link ``scan.nii.gz`` to nameless blobs. Letters may be composed or
    decomposed otherwise than on the disk, unless the name must be ``exact``. Raises FileError
    where there is nothing, where it may not be read, and for what is neither file nor folder.
    """
    try:
        place = _resolved(path if exact else on_disk(path))
        kind = place.stat().st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
            raise FileError(str(path), "it is neither a file nor a folder")
        _open_once(place)
    except ValueError as error:  # an embedded NUL, or a character that no file name can have
        raise FileError(str(path), f"not a possible file name: {error}") from None
    except FileNotFoundError:
        raise _missing(path, place) from None
    except OSError as error:
        raise FileError(str(path), os_reason(error)) from None
    return str(place)


def file_size(path: str) -> int:
    """The bytes of a file. Raises FileError where it is gone."""
    try:
        return Path(path).stat().st_size
    except OSError as error:
        raise FileError(path, os_reason(error)) from None


def beginning(path: str, count: int) -> bytes:
    """The first ``count`` bytes of a file, fewer where it is shorter."""
    try:
        with Path(path).open("rb") as file:
            return file.read(count)
    except OSError as error:
        raise FileError(path, os_reason(error)) from None


def os_reason(error: OSError) -> str:
    """What the operating system objects to, in small letters and without numbers."""
    return (error.strerror or str(error)).lower()


def what_it_looks_like(path: str) -> str:
    """What a file is that is no image, as far as its first bytes tell; empty where they do not."""
    first = beginning(path, 512)
    if not first:
        return "the file is empty"
    if first.startswith(_LARGE_FILE_POINTER):
        return "only a Git LFS pointer is here, the image itself has not been fetched"
    if b"\0" not in first and not first.startswith(_TEXT_HEADERS) and _is_text(first):
        return "it is not an image but a text file"
    return ""


def _is_text(first: bytes) -> bool:
    # The last character may be cut in the middle, so up to three bytes are forgiven.
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


def _open_once(place: Path) -> None:
    if place.is_dir():
        os.scandir(place).close()
    else:
        place.open("rb").close()


def _missing(path: Path, place: Path) -> FileError:
    if place.is_symlink():
        return FileError(
            str(path),
            f"it is a link to `{place.readlink()}`, which does not exist",
            "fetch its content first (git annex get, datalad get, dvc pull)",
        )
    missing = place
    while not missing.parent.is_dir() and missing.parent != missing:
        missing = missing.parent
    reason = "no such file" if missing == place else f"there is no folder `{missing}`"
    return FileError(str(path), reason, _did_you_mean(missing.parent, missing.name))


def _did_you_mean(folder: Path, name: str) -> str:
    close = _close(name, _names(folder))
    return f"did you mean {' or '.join(f'`{match}`' for match in close)}?" if close else ""


def _close(name: str, names: list[str]) -> list[str]:
    """Names that may have been meant; none with other numbers, which is somebody else's file."""
    candidates = [each for each in sorted(names) if _may_be(name, each)]
    return difflib.get_close_matches(name, candidates, n=3)


def _may_be(name: str, other: str) -> bool:
    """Whether two names have the same numbers in them, as far as both have any."""
    numbers = [[int(each) for each in _NUMBER.findall(text)] for text in (name, other)]
    return not all(numbers) or numbers[0] == numbers[1]


def found_beside(path: str, folder: Path) -> str:
    """What to write for a file that is not in the current folder but beside the program.

    Empty where it is there, or is in neither. ``folder`` is the program's.
    """
    asked = Path(path)
    try:
        is_here = asked.is_absolute() or os.path.lexists(asked) or folder.samefile(Path())
    except (OSError, ValueError):
        return ""
    if is_here:
        return ""
    beside = on_disk(folder / asked)
    if os.path.lexists(beside):
        return (
            f"it is beside the program, and files are looked for in the current folder: write "
            f'"$dir/{path}", or run it in `{folder}`'
        )
    close = _close(asked.name, _names(beside.parent))
    close_here = _close(asked.name, _names(asked.absolute().parent))
    if not close or (
        close_here and _likeness(asked.name, close) <= _likeness(asked.name, close_here)
    ):
        return ""
    every = " or ".join(f'"$dir/{asked.parent / each}"' for each in close)
    return f"did you mean {every}, beside the program?"


def _names(folder: Path) -> list[str]:
    """Some of the names in a folder; none where it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in itertools.islice(entries, _NAMES_COMPARED)]
    except OSError:
        return []


def _likeness(name: str, others: list[str]) -> float:
    """How like a name is to the first, which is the closest, of others."""
    return difflib.SequenceMatcher(None, others[0], name).ratio()
