"""Metadata of a run besides its results: program, inputs, versions, host and times."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voxgpu.provenance.program_text import content_of, digest_of_program
from voxgpu.version import __version__

if TYPE_CHECKING:
    from voxgpu.diagnostics import Source
    from voxgpu.files.digest import Digests
    from voxgpu.files.header import Header
    from voxgpu.language.ast import Command


class RunReport:
    """Collects the metadata that `voxgpu run --json` reports.

    program      the file
    definitions  program variables and their text
    primitives   Python files that define more primitives
    """

    def __init__(
        self, program: Path, definitions: dict[str, str], primitives: Iterable[Path]
    ) -> None:
        self._program = program
        self._definitions = definitions
        self._primitives = tuple(primitives)
        self.program_digest = ""
        self._imports: dict[str, str] = {}
        self._inputs: dict[tuple[str, ...], dict[str, Any]] = {}
        self._started = _now()
        #: The id of the run; empty if the store keeps no record of it.
        self.run = ""

    def note_program(self, source: Source) -> None:
        """Record the program that was read."""
        self.program_digest = digest_of_program(source.text, self._program)

    def note_imports(self, commands: Iterable[Command], main: Source) -> None:
        """Record the files that the program imports, directly and indirectly."""
        for source in dict.fromkeys(each.span.source for each in commands):
            if source is not main and not source.ours:
                path = Path(source.name).absolute()
                self._imports[str(path)] = digest_of_program(source.text, path)

    def digests(self, digests: Digests, header: Header) -> str:
        """Return the digest of an image, and record the image as an input."""
        digest = digests.of(header)
        if header.files not in self._inputs:
            files = {"files": list(header.files)} if len(header.files) > 1 else {}
            entry = {"path": header.path, "sha256": digest, **files}
            self._inputs[header.files or (header.path,)] = entry
        return digest

    @property
    def lines(self) -> list[str]:
        """The metadata known before running, as lines of text."""
        defined = "".join(f" -D {name}={text}" for name, text in self._definitions.items())
        place, version = self.host, self.version
        return [
            f"voxgpu {version}, Python {place['python']}, on {place['name']} ({place['system']})",
            f"program {self._program.absolute()}{defined}, SHA-256 {self.program_digest}",
        ]

    @property
    def inputs(self) -> list[str]:
        """A line for each image that was loaded."""
        return [f"input {e['path']}, SHA-256 {e['sha256']}" for e in self._inputs.values()]

    @property
    def version(self) -> str:
        """The version of voxgpu."""
        return __version__

    @property
    def host(self) -> dict[str, str]:
        """Properties of the computer."""
        return {
            "name": platform.node(),
            "system": platform.platform(),
            "python": platform.python_version(),
        }

    def as_json(self) -> dict[str, Any]:
        """Plain data at the time of the call; `finished` is the current time."""
        return {
            "run": self.run,
            "program": {
                "path": str(self._program.absolute()),
                "sha256": self.program_digest or None,
                "imports": [{"path": p, "sha256": d} for p, d in self._imports.items()],
                "primitives": [
                    {"path": str(each.absolute()), "sha256": _digest_of(each)}
                    for each in self._primitives
                ],
            },
            "definitions": dict(self._definitions),
            "inputs": list(self._inputs.values()),
            "version": self.version,
            "host": self.host,
            "started": self._started,
            "finished": _now(),
        }


def _now() -> str:
    """The current time in UTC, in ISO 8601 format."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _digest_of(path: Path) -> str | None:
    """SHA-256 of a file; None if it cannot be read, which is reported elsewhere."""
    content = content_of(path)
    return None if content is None else hashlib.sha256(content).hexdigest()
