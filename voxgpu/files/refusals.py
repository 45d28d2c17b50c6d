"""What cannot be saved under which name? Told before anything runs."""

from __future__ import annotations

import os
from pathlib import Path

from voxgpu.ancestor import nearest_ancestor
from voxgpu.files.problem import FileProblem
from voxgpu.files.roots import Roots
from voxgpu.files.suffix import unsupported_reason
from voxgpu.image import Grid
from voxgpu.spelling import from_home
from voxgpu.types import ImageOf


class SaveRefusals:
    """Says of names and types of images what is wrong with saving them so.

    output  the folder that relative names are relative to; None: nothing is written, so nothing
            is wrong
    roots   the folders that may be written in
    now     whether files are to be written: else nobody minds a folder that is write-protected
    """

    def __init__(self, output: Path | None, roots: Roots, now: bool = True) -> None:
        self._output = output
        self._roots = roots
        self._now = now

    def reason(self, label: str, kind: ImageOf) -> tuple[str, str, str] | None:
        """Code, message and help, if there is something wrong."""
        if self._output is None:
            return None
        path = self._output / from_home(label)
        assert kind.grid is not None
        reason = unsupported_reason(path, kind.content, _drawn_dimensions(kind.grid), kind.channels)
        if reason:
            return "E202", reason, ""
        try:
            self._roots.check_write(path)
        except FileProblem as problem:
            return "E203", str(problem), problem.help
        return in_the_way(path) or (write_protected(path) if self._now else None)


def in_the_way(path: Path) -> tuple[str, str, str] | None:
    """Code, message and help where a folder, a file or a link is where a file is to be."""
    if path.is_dir():
        return "E202", f"`{path}` is a folder", "give the name of a file"
    if path.is_symlink():
        help = "save under another name, or remove the link first"
        return "E202", f"`{path}` is a link, which would be replaced", help
    folder = _folder_of(path)
    if not folder.is_dir():
        return "E202", f"`{folder}` is not a folder", "choose another place with --output"
    return None


def write_protected(path: Path) -> tuple[str, str, str] | None:
    """Code, message and help where a file, or the folder it is to be in, may not be written."""
    if path.exists() and not path.stat().st_mode & 0o222:
        help = "save under another name, or allow writing first: chmod u+w"
        return "E202", f"`{path}` is write-protected", help
    folder = _folder_of(path)
    if not os.access(folder, os.W_OK):
        return "E202", f"`{folder}` may not be written in", "choose another place with --output"
    return None


def _folder_of(path: Path) -> Path:
    """The folder that a file is to be in, or what there is of its path."""
    return nearest_ancestor(path.absolute().parent)


def _drawn_dimensions(grid: Grid) -> int:
    """2 for a slice too, which pictures can hold."""
    return grid.dimensions if grid.thin_axis is None else 2
