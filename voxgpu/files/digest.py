"""What is in a file? Its digest, remembered for as long as the file does not change."""

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


def content_digest(header: Header) -> str:
    """SHA-256 (hex) of everything that bears on an image: the contents of ``header.files``.

    For an image in one file it is what ``sha256sum`` prints. For several it is the SHA-256 of
    their count and, in order, their lengths and digests, so that no two lists of contents run
    into each other. Names and places of files do not enter. Files are read in small pieces.
    Raises FileError where a file is gone.
    """
    return Digests().of(header)


class DigestMemory(Protocol):
    """Remembers digests from one process to the next."""

    def digest(self, state: FileState) -> str | None:
        """The digest of a file in this state."""

    def note_digest(self, state: FileState, digest: str) -> None:
        """A file in this state has this digest."""


class Digests:
    """Digests of files, each read once as long as the state of the file stays the same.

    memory  what is known from former processes
    verify  believe nobody: read every file every time
    """

    def __init__(self, memory: DigestMemory | None = None, verify: bool = False) -> None:
        self._remembered: dict[FileState, str] = {}
        self._memory = memory
        self._verify = verify

    def of(self, header: Header) -> str:
        """`content_digest` of ``header``, without reading files that have not changed.

        Raises FileError also where a file has changed since the header was read.
        """
        if header.given is not None:
            return header.given.digest
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
        """The length in bytes and the digest of one file."""
        try:
            with open(path, "rb") as file:  # noqa: PTH123
                before = state_of(path, os.fstat(file.fileno()))
                if expected is not None and before != expected:
                    raise changed_while_read(path)
                digest = None if self._verify else self._recalled(before)
                if digest is None:
                    _settle(before)
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                    after = state_of(path, os.fstat(file.fileno()))
                    self._remember(before, after, digest)
        except OSError as error:
            raise FileError(path, os_reason(error)) from None
        return before[3], digest

    def _recalled(self, state: FileState) -> str | None:
        found = self._remembered.get(state)
        return self._memory.digest(state) if found is None and self._memory else found

    def _remember(self, before: FileState, after: FileState, digest: str) -> None:
        if before != after:
            raise changed_while_read(after[0])
        if not nanoseconds_to_settle(after, time.time_ns()):
            self._remembered[after] = digest
            if self._memory is not None:
                self._memory.note_digest(after, digest)


def _settle(state: FileState) -> None:
    """Wait until whatever is written to the file from now on shows in its state.

    Not where the clock of the file system is coarse: then digests are not remembered for a while.
    """
    if settles_soon(state):
        time.sleep(nanoseconds_to_settle(state, time.time_ns()) / 1e9)
