"""Files that appear as a whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from voxgpu.files.errors import FileError
from voxgpu.temporary_files import new_file


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside a file, which becomes the file if nothing is raised.

    Folders are made if need be. Raises FileError where the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = new_file(path.parent, path.name)
        try:
            yield file.path
            file.become(path)
        finally:
            file.remove()
    except OSError as error:
        raise FileError(str(path), error.strerror or str(error), "", "write") from None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file as a whole. Raises FileError where it cannot be written."""
    with whole_file(path) as temporary:
        temporary.write_bytes(content)
