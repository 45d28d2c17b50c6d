"""How is a name spelled on the disk? An é is one character, or an e and an accent.

Editors mostly write composed letters, some file systems and archives hold decomposed ones; both
look alike, and most file systems tell them apart.
"""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path


def on_disk(path: str | Path) -> Path:
    """The path of what is there under this name, its letters composed or decomposed as there.

    That is the path itself where something has exactly this name, where nothing has it in another
    form, or several things do.
    """
    asked = Path(path)
    if str(asked).isascii() or _is_there(asked):
        return asked
    place = Path(asked.anchor)
    for part in asked.parts[bool(asked.anchor) :]:
        place /= part if part.isascii() or _is_there(place / part) else _spelled(place, part)
    return place if _is_there(place) else asked


def from_home(path: str) -> str:
    """The path with `~` or `~name` at its beginning replaced by that home folder.

    The path itself where there is no such home, or where something here is called so.
    """
    if not path.startswith("~") or _is_there(Path(path.partition("/")[0])):
        return path
    return os.path.expanduser(path)  # noqa: PTH111 - not the way that raises without a home


def _is_there(path: Path) -> bool:
    try:
        return os.path.lexists(path)
    except ValueError:  # no possible name, as whoever opens it will say
        return True


def _spelled(folder: Path, name: str) -> str:
    """The name in a folder that reads like this one; the name itself where it is not one."""
    composed = forms(name)[0]
    try:
        with os.scandir(folder) as entries:
            others = (each.name for each in entries if not each.name.isascii())
            found = [each for each in others if forms(each)[0] == composed]
    except OSError:
        return name
    return found[0] if len(found) == 1 else name


def forms(name: str) -> tuple[str, str]:
    """A name with letters composed, and decomposed."""
    return unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)
