"""What cannot be saved under which name? Told before anything runs."""

from __future__ import annotations

from pathlib import Path

from voxgpu.files.access import AllowedRoots
from voxgpu.files.errors import FileError
from voxgpu.files.formats import unsupported_reason
from voxgpu.files.writable import in_the_way, write_protected
from voxgpu.image import Grid
from voxgpu.types import ImageOf
from voxgpu.unicode_paths import from_home

#: What to do where a folder takes no files: one that was asked for, and one that the program names.
_OTHER_OUTPUT = "choose another place with --output"
_OTHER_NAME = "save under a relative name, and choose the folder with --output"


class SaveRefusals:
    """Says of names and types of images what is wrong with saving them so.

    output  the folder that relative names are relative to; None: nothing is written, so nothing
            is wrong
    roots   the folders that may be written in
    now     whether files are to be written: else nobody minds a folder that is write-protected
    """

    def __init__(self, output: Path | None, roots: AllowedRoots, now: bool = True) -> None:
        self._output = output
        self._roots = roots
        self._now = now
        self._tried: dict[Path, str] = {}

    def reason(self, label: str, kind: ImageOf) -> tuple[str, str, str] | None:
        """Code, message and help, if there is something wrong."""
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
        found = in_the_way(path) or (write_protected(path, self._tried) if self._now else None)
        if found is None:
            return None
        message, help = found
        return "E202", message, help or (_OTHER_NAME if Path(name).is_absolute() else _OTHER_OUTPUT)


def _drawn_dimensions(grid: Grid) -> int:
    """2 for a slice too, which pictures can hold."""
    return grid.dimensions if grid.thin_axis is None else 2
