"""What is in the files that a program names? Known by their headers before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from voxgpu.files.access import AllowedRoots
from voxgpu.files.dicom_choice import without_fragment
from voxgpu.files.errors import FileError
from voxgpu.files.folder import listing
from voxgpu.files.header import Header, read_header
from voxgpu.files.options import AS_USUAL, ReadOptions
from voxgpu.files.paths import existing, found_beside
from voxgpu.language.resolve import Refusal
from voxgpu.types import COLOR_IMAGE, NUMBER_IMAGE, SequenceOf, Type
from voxgpu.unicode_paths import from_home


class HeaderMemory(Protocol):
    """Remembers headers of files from one process to the next."""

    def header(self, place: str) -> Header | None:
        """The header of the image there, if all of its files are as they were."""

    def note_header(self, place: str, header: Header) -> None:
        """The image there has this header."""


class ProgramFiles:
    """What a program reads of files before it runs; each header once.

    beside  the folder of the program, in which files may be that are not where they are looked for
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
        # What is remembered of headers holds for the default options only.
        self._seen = seen if options == AS_USUAL else None
        self._read: dict[str, Header] = {}

    def describe(self, path: str) -> tuple[Type, Header]:
        """The type of the image in a file, or of several volumes, and its header."""
        header = self._read.get(path) or self._header(from_home(path))
        self._read[path] = header
        kind = NUMBER_IMAGE if header.channels == 1 else COLOR_IMAGE
        return (kind if header.volumes == 1 else SequenceOf(kind)), header

    def listing(self, folder: str, pattern: str, recursive: bool, whole: bool) -> list[str]:
        """The names of what is in a folder."""
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
        """The header, without reading it where it has been read from the same file before."""
        if self._seen is None or without_fragment(path)[1]:
            return read_header(Path(path), self._options)
        place = existing(Path(path))
        header = self._seen.header(place)
        if header is None:
            header = read_header(Path(path))
            if not Path(place).is_dir():  # what a folder holds has no one state
                self._seen.note_header(place, header)
        return header
