"""Digests of file contents, cached for as long as the file does not change."""

from __future__ import annotations

import hashlib
import os
import time
from typing import Protocol

from voxgpu.files.errors import FileError
from voxgpu.files.header import Header
from voxgpu.files.paths import os_reason
from voxgpu.files.state import (
    FileState,
    changed_while_read,
    nanoseconds_to_settle,
    settles_soon,
    state_of,
)
from voxgpu.spans import span


def content_digest(header: Header) -> str:
    """Compute the SHA-256 (hex) of all content of an image: that of ``header.files``.

    For an image in one file this is what ``sha256sum`` prints. For several files it is the SHA-256
    of their count and, in order, their lengths and digests, so that different lists of contents
    cannot collide by concatenation. Names and locations of files do not enter. Files are read in
    small pieces. Raises FileError if a file is gone.
    """
    return Digests().of(header)


class DigestMemory(Protocol):
    """Storage for digests that outlives a process."""

    def digest(self, state: FileState) -> str | None:
        """Return the digest of a file in this state, or None if it is not known."""

    def note_digest(self, state: FileState, digest: str) -> None:
        """Record the digest of a file in this state."""


class Digests:
    """Digests of files; a file is read again only when its state changes.

    memory  digests recorded by earlier processes
    verify  ignore every record: read each file every time
    """

    def __init__(self, memory: DigestMemory | None = None, verify: bool = False) -> None:
        self._remembered: dict[FileState, str] = {}
        self._memory = memory
        self._verify = verify

    def of(self, header: Header) -> str:
        """Return `content_digest` of ``header``, without reading files that have not changed.

        Raises FileError also if a file has changed since the header was read.
        """
        if header.in_memory is not None:
            return header.in_memory.digest
        expected = header.states or (None,) * len(header.files)
        digests = [
            self._of_file(path, state) for path, state in zip(header.files, expected, strict=True)
        ]
        if len(digests) == 1:
            return digests[0][1]
        whole = hashlib.sha256(b"voxgpu files\0" + len(digests).to_bytes(8, "little"))
        for length, digest in digests:
            whole.update(length.to_bytes(8, "little") + bytes.fromhex(digest))
        return whole.hexdigest()

    def _of_file(self, path: str, expected: FileState | None) -> tuple[int, str]:
        """Return the length in bytes and the digest of one file."""
        try:
            with span("reading", path), open(path, "rb") as file:  # noqa: PTH123
                before = state_of(path, os.fstat(file.fileno()))
                if expected is not None and before != expected:
                    raise changed_while_read(path)
                digest = None if self._verify else self._recalled(before)
                if digest is None:
                    _wait_until_settled(before)
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                    after = state_of(path, os.fstat(file.fileno()))
                    self._remember(before, after, digest)
        except OSError as error:
            raise FileError(path, os_reason(error)) from None
        return before[3], digest

    def _recalled(self, state: FileState) -> str | None:
        cached = self._remembered.get(state)
        return self._memory.digest(state) if cached is None and self._memory else cached

    def _remember(self, before: FileState, after: FileState, digest: str) -> None:
        if before != after:
            raise changed_while_read(after[0])
        if not nanoseconds_to_settle(after, time.time_ns()):
            self._remembered[after] = digest
            if self._memory is not None:
                self._memory.note_digest(after, digest)


def _wait_until_settled(state: FileState) -> None:
    """Wait until any later write to the file would change its state.

    Does not wait if the clock of the file system is coarse: its digests are not remembered for a
    while.
    """
    if settles_soon(state):
        time.sleep(nanoseconds_to_settle(state, time.time_ns()) / 1e9)
