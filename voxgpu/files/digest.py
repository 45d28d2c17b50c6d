"""What is in a file? Its digest, remembered for as long as the file does not change."""

from __future__ import annotations

import hashlib
import os
import time
from typing import Protocol

from voxgpu.files.existing import os_reason
from voxgpu.files.header import Header
from voxgpu.files.problem import FileProblem

#: What tells one state of a file from another: path, bytes, modification in ns, inode.
FileState = tuple[str, int, int, int]

#: Clocks of file systems tick this coarsely at worst (FAT: 2 s); a file that is younger may be
#: written again without its state changing.
YOUNGEST_REMEMBERED_NANOSECONDS = 2_000_000_000


def content_digest(header: Header) -> str:
    """SHA-256 (hex) of everything that bears on an image: the contents of ``header.files``.

    For an image in one file it is what ``sha256sum`` prints. For several it is the SHA-256 of
    their count and, in order, their lengths and digests, so that no two lists of contents run
    into each other. Names and places of files do not enter. Files are read in small pieces.
    Raises FileProblem where a file is gone.
    """
    return Digests().of(header)


class DigestMemory(Protocol):
    """Remembers digests from one process to the next."""

    def digest(self, state: FileState) -> str | None:
        """The digest of a file in this state."""

    def note_digest(self, state: FileState, digest: str) -> None:
        """A file in this state has this digest."""


class Digests:
    """Digests of files, each read once as long as its path, size, date and inode stay the same.

    memory  what is known from former processes
    verify  believe nobody: read every file every time
    """

    def __init__(self, memory: DigestMemory | None = None, verify: bool = False) -> None:
        self._remembered: dict[FileState, str] = {}
        self._memory = memory
        self._verify = verify

    def of(self, header: Header) -> str:
        """`content_digest` of ``header``, without reading files that have not changed."""
        digests = [self._of_file(path) for path in header.files]
        if len(digests) == 1:
            return digests[0][1]
        whole = hashlib.sha256(b"voxgpu files\0" + len(digests).to_bytes(8, "little"))
        for length, digest in digests:
            whole.update(length.to_bytes(8, "little") + bytes.fromhex(digest))
        return whole.hexdigest()

    def _of_file(self, path: str) -> tuple[int, str]:
        """The length in bytes and the digest of one file."""
        try:
            with open(path, "rb") as file:  # noqa: PTH123
                before = _state(path, os.fstat(file.fileno()))
                digest = None if self._verify else self._recalled(before)
                if digest is None:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                    after = _state(path, os.fstat(file.fileno()))
                    self._remember(before, after, digest)
        except OSError as error:
            raise FileProblem(path, os_reason(error)) from None
        return before[1], digest

    def _recalled(self, state: FileState) -> str | None:
        found = self._remembered.get(state)
        return self._memory.digest(state) if found is None and self._memory else found

    def _remember(self, before: FileState, after: FileState, digest: str) -> None:
        if before != after:
            raise FileProblem(after[0], "it is being changed while it is read")
        if time.time_ns() - after[2] > YOUNGEST_REMEMBERED_NANOSECONDS:
            self._remembered[after] = digest
            if self._memory is not None:
                self._memory.note_digest(after, digest)


def _state(path: str, status: os.stat_result) -> FileState:
    return path, status.st_size, status.st_mtime_ns, status.st_ino
