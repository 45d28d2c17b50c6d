"""The folders that were named at start, and the ids by which a page names files below them.

An id is the number of a root and a path below it, joined by ``/``. No text of a request becomes a
path before each of its parts is known to be the plain name of a file; links are then followed, and
where they lead must lie below the root.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote_to_bytes

from voxgpu.files.access import AllowedRoots
from voxgpu.frozen import frozen
from voxgpu.viewer.problem import not_found

#: The suffix of programs.
PROGRAM = ".imgql"


@frozen
class Root:
    """A folder that was named at start, or that has files that were.

    id      its number, as a text
    label   its name, for people
    folder  with all links resolved
    only    the files in it that may be read besides programs, resolved; None: all
    """

    id: str
    label: str
    folder: Path
    only: frozenset[Path] | None = None

    def has(self, path: Path) -> bool:
        """Returns whether a resolved path may be used."""
        if self.only is None:
            return path.is_relative_to(self.folder)
        is_program = path.suffix == PROGRAM and path.parent == self.folder
        return is_program or path in self.only or path == self.folder

    def readable(self) -> Iterable[Path]:
        """The folders and files that programs may load."""
        if self.only is None:
            return [self.folder]
        return [*sorted(self.only), *sorted(self.folder.glob(f"*{PROGRAM}"))]


@frozen
class OpenedRoots:
    """All roots of a viewer.

    also  further folders that programs may load from, which the page does not name
    """

    every: tuple[Root, ...]
    also: tuple[Path, ...] = ()

    def root_of(self, id: str) -> Root:
        """The root that an id begins with. Raises Problem, 404."""
        number = id.partition("/")[0]
        for each in self.every:
            if each.id == number:
                return each
        raise not_found(id)

    def path_of(self, id: str) -> Path:
        """The resolved path of an id, which need not exist. Raises Problem, 404."""
        root, names = self.root_of(id), id.split("/")[1:]
        if not all(map(_is_plain, names)):
            raise not_found(id)
        path = Path(os.path.realpath(root.folder.joinpath(*names)))
        if not root.has(path):
            raise not_found(id)
        return path

    def file_of(self, id: str) -> Path:
        """The resolved path of a file, or of a folder of DICOM files. Raises Problem, 404."""
        path = self.path_of(id)
        if not os.path.exists(path):  # noqa: PTH110 (`exists` raises for names that are too long)
            raise not_found(id, "is not there any more")
        return path

    def folder_of(self, id: str) -> Path:
        """The resolved path of a folder. Raises Problem, 404."""
        path = self.file_of(id)
        if not path.is_dir():
            raise not_found(id, "is no folder")
        return path

    def id_of(self, path: Path) -> str | None:
        """The id of a path as it is written below a root; None where there is none."""
        for root in self.every:
            if path.is_relative_to(root.folder):
                names = path.relative_to(root.folder).parts
                if all(map(_is_plain, names)) and root.has(Path(os.path.realpath(path))):
                    return "/".join((root.id, *names))
        return None

    def allowed(self) -> AllowedRoots:
        """What programs may load; they write nothing."""
        readable = [path for root in self.every for path in root.readable()]
        return AllowedRoots((*readable, *self.also), (Path(os.devnull),))


def id_of_url(path: bytes) -> str:
    """The id that a part of a URL has, as it was sent, with percent signs. Raises Problem, 404."""
    names = [_decoded(each) for each in path.split(b"/")]
    for each in names:
        if not _is_plain(each):
            raise not_found(path.decode("ascii", "replace"))
    return "/".join(names)


def roots_of(
    folders: Sequence[Path], files: Sequence[Path], also: Sequence[Path] = ()
) -> OpenedRoots:
    """The roots for folders and files: a folder of files has only these files and programs."""
    found: list[Root] = []
    for folder in dict.fromkeys(_resolved(each) for each in folders):
        found.append(Root(str(len(found)), folder.name or str(folder), folder))
    of_files: dict[Path, set[Path]] = {}
    for file in files:
        of_files.setdefault(_resolved(file.parent), set()).add(_resolved(file))
    for folder, only in of_files.items():
        if not any(folder.is_relative_to(each.folder) for each in found if each.only is None):
            name = folder.name or str(folder)
            found.append(Root(str(len(found)), name, folder, frozenset(only)))
    return OpenedRoots(tuple(found), tuple(also))


def _resolved(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _decoded(part: bytes) -> str:
    try:
        return unquote_to_bytes(part).decode("utf-8")
    except UnicodeDecodeError:
        raise not_found(part.decode("ascii", "replace")) from None


def _is_plain(name: str) -> bool:
    """Whether a text is the name of one file in a folder, on any system."""
    if name in ("", ".", "..") or any(each in name for each in "/\\\0"):
        return False
    return name.isprintable() and not (os.name == "nt" and ":" in name)
