"""Reasons why an image cannot be saved under a name, checked before anything runs."""

from __future__ import annotations

from pathlib import Path

from voxgpu.files.access import AllowedRoots
from voxgpu.files.errors import FileError
from voxgpu.files.formats import unsupported_reason
from voxgpu.files.writable import path_obstruction, write_protection
from voxgpu.image import Grid
from voxgpu.types import ImageOf
from voxgpu.unicode_paths import from_home

#: Advice for a folder that cannot be written to: chosen by option, or named by the program.
_OTHER_OUTPUT = "choose another place with --output"
_OTHER_NAME = "save under a relative name, and choose the folder with --output"


class SaveRefusals:
    """Checks names and types of the images that a program saves.

    output  the folder that relative names refer to; None: nothing is written, so nothing is
            refused
    roots   the folders that may be written to
    now     whether files are about to be written; if not, write protection is ignored
    """

    def __init__(self, output: Path | None, roots: AllowedRoots, now: bool = True) -> None:
        self._output = output
        self._roots = roots
        self._now = now
        self._tried: dict[Path, str] = {}

    def reason(self, label: str, kind: ImageOf) -> tuple[str, str, str] | None:
        """Return code, message and help if the image cannot be saved; else None."""
        if self._output is None:
            return None
        name = from_home(label)
        path = self._output / name
        assert kind.grid is not None
        reason = unsupported_reason(path, kind.content, _drawn_dimensions(kind.grid), kind.channels)
        if reason:
            return "E202", reason, ""
        try:
            self._roots.check_write(path)
        except FileError as problem:
            return "E203", str(problem), problem.help
        found = path_obstruction(path) or (
            write_protection(path, self._tried) if self._now else None
        )
        if found is None:
            return None
        message, help = found
        return "E202", message, help or (_OTHER_NAME if Path(name).is_absolute() else _OTHER_OUTPUT)


def _drawn_dimensions(grid: Grid) -> int:
    """The number of dimensions for pictures, which can hold a single slice: then 2."""
    return grid.dimensions if grid.thin_axis is None else 2
