"""Unicode normalization of file names: composed (NFC) and decomposed (NFD) letters.

Editors mostly write composed letters, while some file systems and archives hold decomposed ones.
They look identical, but most file systems distinguish them.
"""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path


def on_disk(path: str | Path) -> Path:
    """Returns the path of the existing file with this name, in whatever normalization form.

    The path is returned unchanged if a file has exactly this name, or if none or several files have
    it in another form.
    """
    requested = Path(path)
    if str(requested).isascii() or _exists(requested):
        return requested
    resolved = Path(requested.anchor)
    for part in requested.parts[bool(requested.anchor) :]:
        resolved /= (
            part
            if part.isascii() or _exists(resolved / part)
            else _existing_spelling(resolved, part)
        )
    return resolved if _exists(resolved) else requested


def from_home(path: str) -> str:
    """Expands `~` or `~name` at the start of a path to the home folder.

    The path is returned unchanged if there is no such home, or if a file here has this name.
    """
    if not path.startswith("~") or _exists(Path(path.partition("/")[0])):
        return path
    return os.path.expanduser(path)  # noqa: PTH111 - not the way that raises without a home


def _exists(path: Path) -> bool:
    try:
        return os.path.lexists(path)
    except ValueError:  # an impossible name, which opening it will report
        return True


def _existing_spelling(folder: Path, name: str) -> str:
    """Returns the unique entry of a folder with an equivalent name, else the name itself."""
    composed = forms(name)[0]
    try:
        with os.scandir(folder) as entries:
            others = (each.name for each in entries if not each.name.isascii())
            matches = [each for each in others if forms(each)[0] == composed]
    except OSError:
        return name
    return matches[0] if len(matches) == 1 else name


def forms(name: str) -> tuple[str, str]:
    """Returns a name in composed and in decomposed form."""
    return unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)
