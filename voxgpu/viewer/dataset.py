"""What was opened: cases, each a folder with images, their layers, and programs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from voxgpu.files.suffixes import DICOM, image_suffix
from voxgpu.frozen import frozen
from voxgpu.viewer.problem import not_found
from voxgpu.viewer.roots import PROGRAM, OpenedRoots, Root

#: Folders that are looked through at most below a root, and how deep.
MOST_FOLDERS, _DEEPEST = 20_000, 12


@frozen
class Case:
    """A folder with images.

    name    the path of the folder below its root; of the root itself the name of that
    folder  resolved
    layers  ids of files by the names of layers
    """

    id: str
    name: str
    folder: Path
    layers: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"id": self.id, "name": self.name, "layers": dict(self.layers)}


@frozen
class Dataset:
    """What a viewer has opened.

    fixed        cases of files that were named at start; those of folders are looked for
    open         ids of the cases that the page shows at first
    programs     ids of programs that were named at start
    definitions  program variables that every program gets
    """

    roots: OpenedRoots
    fixed: tuple[Case, ...] = ()
    open: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    definitions: Mapping[str, str] = field(default_factory=dict)

    def case(self, id: str) -> Case:
        """The case of an id, without its layers. Raises Problem, 404."""
        for each in self.fixed:
            if each.id == id:
                return each
        folder = self.roots.folder_of(id)
        return Case(id, _name(self.roots.root_of(id), folder), folder)

    def as_json(self) -> dict[str, Any]:
        """What is there now, as plain data; folders are looked through again.

        ``complete`` is false where there were too many folders, or too deep ones.
        """
        cases = [*self.fixed]
        programs = dict.fromkeys(self.programs)
        is_complete = True
        for root in self.roots.every:
            if root.only is not None:
                programs |= dict.fromkeys(_programs(root))
                continue
            folders, is_whole = _looked_through(root)
            is_complete &= is_whole
            for id, folder, images, found in folders:
                programs |= dict.fromkeys(found)
                if images:
                    layers = _layers(images, (root.label, *id.split("/")[1:]))
                    cases.append(Case(id, _name(root, folder), folder, layers))
        layers_of_all = dict.fromkeys(name for each in cases for name in each.layers)
        open = self.open or tuple(each.id for each in cases if len(cases) == 1)
        return {
            "roots": [{"id": each.id, "label": each.label} for each in self.roots.every],
            "layers": sorted(layers_of_all),
            "cases": [each.as_json() for each in cases],
            "programs": list(programs),
            "open": list(open),
            "definitions": dict(self.definitions),
            "complete": is_complete,
        }


def case_of_files(roots: OpenedRoots, name: str, files: Sequence[Path]) -> Case:
    """One case of several files, which may lie in several folders. Raises Problem, 404."""
    ids = {file: roots.id_of(Path(os.path.realpath(file))) for file in files}
    images = [(file.name, id) for file, id in ids.items() if id is not None]
    if not images:
        raise not_found(name)
    folder = Path(os.path.realpath(files[0])).parent
    id = roots.id_of(folder)
    assert id is not None, "the folder of a file is a root or below one"
    return Case(id, name, folder, _layers(images, (name, folder.name)))


def _name(root: Root, folder: Path) -> str:
    return folder.relative_to(root.folder).as_posix() if folder != root.folder else root.label


#: A folder with its id, its images (name and id) and the ids of its programs.
_Folder = tuple[str, Path, list[tuple[str, str]], list[str]]


def _looked_through(root: Root) -> tuple[list[_Folder], bool]:
    """The folders below a root with images or programs, by name, and whether these are all."""
    waiting, seen, is_whole = [(root.id, root.folder)], 0, True
    found: list[_Folder] = []
    while waiting and seen < MOST_FOLDERS:
        id, folder = waiting.pop()
        seen += 1
        images: list[tuple[str, str]] = []
        programs: list[str] = []
        below: list[tuple[str, Path]] = []
        for entry in _entries(folder):
            its = f"{id}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                if _is_series(Path(entry.path)):
                    images.append((entry.name, its))
                elif its.count("/") < _DEEPEST:
                    below.append((its, Path(entry.path)))
                else:
                    is_whole = False
            elif not entry.is_file() or not root.has(Path(os.path.realpath(entry.path))):
                continue
            elif entry.name.endswith(PROGRAM):
                programs.append(its)
            elif _is_image(entry.name):
                images.append((entry.name, its))
        waiting += reversed(below)
        if images or programs:
            found.append((id, folder, images, programs))
    return found, is_whole and not waiting


def _programs(root: Root) -> Iterator[str]:
    for entry in _entries(root.folder):
        if entry.name.endswith(PROGRAM) and entry.is_file():
            yield f"{root.id}/{entry.name}"


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What a folder has, by name; without hidden files and names that are no text."""
    try:
        with os.scandir(folder) as entries:
            found = [each for each in entries if each.name[0] != "." and each.name.isprintable()]
    except OSError:
        return []  # it is gone, or may not be read
    return sorted(found, key=lambda each: each.name)


def _is_image(name: str) -> bool:
    """Whether a file is listed as an image: voxels beside a header are not."""
    suffix = image_suffix(Path(name)).lower().removesuffix(".gz")
    return suffix not in ("", ".img", *DICOM)


def _is_series(folder: Path) -> bool:
    """Whether a folder has DICOM files, which are slices of an image."""
    return any(each.name.lower().endswith(DICOM) for each in _entries(folder))


def _layers(images: Iterable[tuple[str, str]], names: Sequence[str]) -> dict[str, str]:
    """Ids of images by the names of their layers.

    names  of the case and of the folders around it, with which names of files may begin
    """
    layers: dict[str, str] = {}
    for file, id in images:
        name = stem = file[: len(file) - len(image_suffix(Path(file)))] or file
        for prefix in sorted(names, key=len, reverse=True):
            if stem.startswith(prefix) and stem[len(prefix) :].strip("-_. "):
                name = stem[len(prefix) :].strip("-_. ")
                break
        # Two files may differ in their format alone.
        layers[file if name in layers else name] = id
    return layers
