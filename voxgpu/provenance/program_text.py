"""Digests of programs and of the files that they use beside images."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from voxgpu.provenance.record import TextFile


def digest_of_program(text: str, path: Path | None) -> str:
    """SHA-256 of a program: of its file, unless that has changed since it was read."""
    content = content_of(path) if path is not None else None
    if content is None or content.decode("utf-8-sig", "replace") != text:
        content = text.encode("utf-8", "surrogatepass")
    return sha256(content).hexdigest()


def text_files(paths: Iterable[Path]) -> list[TextFile]:
    """Files with their digests; those that cannot be read, which is told elsewhere, without one."""
    found = []
    for path in paths:
        content = content_of(path)
        digest = "" if content is None else sha256(content).hexdigest()
        found.append(TextFile(str(path), digest))
    return found


def content_of(path: Path) -> bytes | None:
    """The bytes of a file; None if it cannot be read.

    What is no regular file, such as ``/dev/stdin`` or a pipe, is not read: it would be waited for,
    and what comes from it now is not what came before.
    """
    with suppress(OSError, ValueError):
        return path.read_bytes() if path.is_file() else None
    return None


def current_folder() -> str:
    """The current folder; empty if it is not there any more."""
    with suppress(OSError):
        return os.getcwd()  # noqa: PTH109
    return ""
