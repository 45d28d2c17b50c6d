"""Files that appear as a whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from voxgpu import temporary_files
from voxgpu.files.errors import FileError


@contextmanager
def whole_file(path: Path, make_folders: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside a file, which becomes the file if nothing is raised.

    make_folders  make folders that are missing

    Raises FileError where the file cannot be written.
    """
    try:
        if make_folders:
            path.parent.mkdir(parents=True, exist_ok=True)
        with temporary_files.whole_file(path) as temporary:
            yield temporary
    except OSError as error:
        raise FileError(str(path), error.strerror or str(error), "", "write") from None


def write_whole(path: Path, content: bytes, make_folders: bool = True) -> None:
    """Write a file as a whole; see ``whole_file``."""
    with whole_file(path, make_folders) as temporary:
        temporary.write_bytes(content)
