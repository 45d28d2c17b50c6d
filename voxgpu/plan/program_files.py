"""Access to the headers of the files that a program names, before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from voxgpu.files.access import AllowedRoots
from voxgpu.files.dicom_choice import without_fragment
from voxgpu.files.errors import FileError
from voxgpu.files.folder import listing
from voxgpu.files.header import Header, read_header
from voxgpu.files.options import AS_USUAL, ReadOptions
from voxgpu.files.paths import existing_path, found_beside
from voxgpu.language.resolve import Refusal
from voxgpu.types import COLOR_IMAGE, NUMBER_IMAGE, SequenceOf, Type
from voxgpu.unicode_paths import from_home


class HeaderMemory(Protocol):
    """A cache of image headers that persists between processes."""

    def header(self, path: str) -> Header | None:
        """Returns the cached header of an image if all of its files are unchanged, else None."""

    def note_header(self, path: str, header: Header) -> None:
        """Stores the header of an image."""


class ProgramFiles:
    """Reads the files that a program needs before it runs, each header once.

    beside  the program's folder; used in hints about files that are not where they were looked for
    """

    def __init__(
        self,
        roots: AllowedRoots,
        options: ReadOptions,
        seen: HeaderMemory | None,
        beside: Path | None = None,
    ) -> None:
        self._roots = roots
        self._beside = beside
        self._options = options
        # Cached headers are valid for the default options only.
        self._cache = seen if options == AS_USUAL else None
        self._read: dict[str, Header] = {}

    def describe(self, path: str) -> tuple[Type, Header]:
        """Returns the type of the image (or volumes) in a file, and its header."""
        header = self._read.get(path) or self._header(from_home(path))
        self._read[path] = header
        kind = NUMBER_IMAGE if header.channels == 1 else COLOR_IMAGE
        return (kind if header.volumes == 1 else SequenceOf(kind)), header

    def listing(self, folder: str, pattern: str, recursive: bool, whole: bool) -> list[str]:
        """Returns the matching names in a folder."""
        try:
            return listing(Path(from_home(folder)), pattern, recursive, whole, self._roots)
        except FileError as problem:
            raise Refusal(str(problem), problem.help) from problem

    def _header(self, path: str) -> Header:
        code = "E203"
        try:
            self._roots.check_read(without_fragment(path)[0])
            code = "E201"
            header = self._seen_header(path)
            code = "E203"
            self._roots.check_read_all(header.files)
        except FileError as problem:
            help = problem.help
            if code == "E201" and self._beside is not None:
                help = found_beside(path, self._beside) or help
            raise Refusal(str(problem), help, code) from problem
        return header

    def _seen_header(self, path: str) -> Header:
        """Returns the header, from the cache if the file is unchanged."""
        if self._cache is None or without_fragment(path)[1]:
            return read_header(Path(path), self._options)
        resolved = existing_path(Path(path))
        header = self._cache.header(resolved)
        if header is None:
            header = read_header(Path(path))
            if not Path(resolved).is_dir():  # the content of a folder cannot be validated cheaply
                self._cache.note_header(resolved, header)
        return header
