"""What rows of a case were computed from: its variables, the states of its files, what it saved."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from voxgpu.cohorts.cases import Case
from voxgpu.files.state import FileState
from voxgpu.frozen import frozen

#: A file: its path, bytes, and modification time in ns.
InputFile = tuple[str, int, int]


@frozen(slots=True)
class CaseRecord:
    """What the rows of a case were computed from, as a journal keeps it.

    case    the name of the case
    of      digest of the path of the case and of its variables
    inputs  the image files that were loaded, in the state in which they were
    saved   paths of files that were written
    """

    case: str
    of: str = ""
    inputs: tuple[InputFile, ...] = ()
    saved: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "case": self.case,
            "of": self.of,
            "inputs": [list(each) for each in self.inputs],
            "saved": list(self.saved),
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> CaseRecord:
        """Return the record from plain data; raises TypeError, ValueError or KeyError."""
        inputs = tuple((str(path), int(size), int(time)) for path, size, time in data["inputs"])
        return CaseRecord(str(data["case"]), str(data["of"]), inputs, tuple(data["saved"]))


def identity_of(case: Case) -> str:
    """The digest of the path of a case and of its variables."""
    text = json.dumps([case.path, sorted(case.values.items())])
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def inputs_of(states: Iterable[FileState]) -> tuple[InputFile, ...]:
    """The files in these states, each once, in the order of their paths."""
    return tuple(sorted({(path, size, time) for path, _, _, size, time, _ in states}))


def below(folder: Path, record: CaseRecord, identity: str) -> CaseRecord:
    """The record with the identity of its case, and with paths in ``folder`` relative to that.

    A folder may be moved with everything in it.
    """
    start = str(folder / "_")[:-1]
    inputs = [(path.removeprefix(start), size, time) for path, size, time in record.inputs]
    saved = [path.removeprefix(start) for path in record.saved]
    return CaseRecord(record.case, identity, tuple(inputs), tuple(saved))


def is_changed(folder: Path, inputs: Sequence[InputFile]) -> bool:
    """Whether a file is gone, or has another size or modification time."""
    for path, size, time in inputs:
        try:
            status = os.stat(os.path.join(folder, path))  # noqa: PTH116, PTH118 (speed)
        except OSError:
            return True
        if status.st_size != size or status.st_mtime_ns != time:
            return True
    return False


def is_missing(folder: Path, saved: Sequence[str]) -> bool:
    """Whether a file that was written is gone."""
    return not all(os.path.exists(os.path.join(folder, each)) for each in saved)  # noqa: PTH110, PTH118
