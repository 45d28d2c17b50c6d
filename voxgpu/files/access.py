"""Allowed folders: where a program may read and write, symbolic links resolved."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from voxgpu.files.errors import FileError
from voxgpu.files.paths import os_reason
from voxgpu.frozen import frozen
from voxgpu.unicode_paths import on_disk


@frozen
class AllowedRoots:
    """The folders that a program may use; an empty tuple allows every folder.

    read   folders under which files may be read
    write  folders under which files may be written

    The resolved path decides: ``..`` and all existing symbolic links are followed before the
    comparison. The check holds for that moment only; a link that is changed between the check and
    the use is not noticed.
    """

    read: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()

    def check_read(self, path: str | Path) -> None:
        """Raise FileError if ``path`` resolves outside every folder that may be read."""
        _check(path, self.read, "read")

    def check_write(self, path: str | Path) -> None:
        """Raise FileError if ``path`` resolves outside every folder that may be written."""
        _check(path, self.write, "write")

    def check_read_all(self, paths: Iterable[str | Path]) -> None:
        """Check every file of an image (``Header.files``): slices, detached voxels."""
        for path in paths:
            self.check_read(path)


def _check(path: str | Path, roots: tuple[Path, ...], action: str) -> None:
    _refuse_control(str(path), action)
    resolved = _destination(on_disk(path) if action == "read" else path, action)
    if not roots or any(resolved.is_relative_to(os.path.realpath(on_disk(root))) for root in roots):
        return
    allowed = ", ".join(f"`{root}`" for root in roots)
    led = "" if str(resolved) == str(path) else f" (it leads to `{resolved}`)"
    raise FileError(
        str(path),
        f"it lies outside the folders that this program may {action}{led}",
        f"allowed: {allowed}",
        action,
    )


def _refuse_control(path: str, action: str) -> None:
    """Refuse a path with a line feed or tab: most likely an unescaped Windows path."""
    names = {"\n": "line feed", "\t": "tabulator"}
    control = next((each for each in names if each in path), None)
    if control is None or (action == "read" and os.path.lexists(path)):
        return
    escape = "\\n" if control == "\n" else "\\t"
    raise FileError(
        path.replace("\n", "\\n").replace("\t", "\\t"),
        f"its name has a {names[control]}, which is what `{escape}` means in a string",
        "write `/` between folders, or `\\\\` for a backslash",
        action,
    )


def _destination(path: str | Path, action: str) -> Path:
    resolved = None
    try:
        resolved = Path(os.path.realpath(path))
        resolved.stat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass  # a file to be written need not exist yet; reading reports what is wrong
    except ValueError as error:
        raise FileError(str(path), f"not a possible file name: {error}", "", action) from None
    except OSError as error:  # too long, or a cycle of links
        raise FileError(str(path), os_reason(error), "", action) from None
    if resolved is None:
        reason = "the current folder is not there any more"
        raise FileError(str(path), reason, "change to another one", action)
    return resolved
