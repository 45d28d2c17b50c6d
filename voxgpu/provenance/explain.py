"""How an image file came about, from its sidecar or from the store, and what has changed since."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from voxgpu.files.errors import FileError
from voxgpu.files.header import Header
from voxgpu.files.paths import os_reason
from voxgpu.files.write import file_digest
from voxgpu.frozen import frozen
from voxgpu.provenance.from_store import StoreRecords
from voxgpu.provenance.record import KEY, Provenance
from voxgpu.provenance.sidecar import find_sidecar, read_json
from voxgpu.provenance.states import CHANGED, UNCHANGED, FileState, states_of


@frozen
class Explanation:
    """How an image file came about.

    file     the image
    record   what is recorded of it
    sidecar  the file that the record is from; None: the store
    status   UNCHANGED, or CHANGED if the file is not the one that the record is of
    files    the files that it was made with, as they are now
    now      what the store knows of a changed file: how its present content came about
    """

    file: Path
    record: Provenance
    sidecar: Path | None
    status: str
    files: tuple[FileState, ...]
    now: Provenance | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain data, as printed by ``voxgpu explain --json``."""
        return {
            "file": str(self.file),
            "status": self.status,
            "sidecar": str(self.sidecar) if self.sidecar is not None else None,
            "record": self.record.as_json(),
            "files": [each.as_json() for each in self.files],
            "now": self.now.as_json() if self.now is not None else None,
        }


def image_of(path: Path) -> Path:
    """The image that a path names: itself, or that of a sidecar."""
    if path.suffix.lower() == ".json":
        try:
            own = (read_json(path) or {}).get(KEY)
        except OSError:
            return path
        if isinstance(own, dict) and isinstance(own.get("File"), str):
            return path.with_name(Path(own["File"]).name)
    return path


def explain(
    path: Path, digest: Callable[[Header], str], stored: StoreRecords | None
) -> Explanation | None:
    """How an image came about; None if nothing is known.

    digest  returns the SHA-256 of an image file
    stored  what a store knows; None: there is no store

    Raises FileError if the image cannot be read.
    """
    image = image_of(path)
    try:
        if image.exists() and not (image.is_file() or image.is_dir()):
            raise FileError(str(image), "it is neither a file nor a folder")
        present = file_digest(image)
    except OSError as error:
        raise FileError(str(image), os_reason(error)) from None
    found = find_sidecar(image)
    known = stored.record(image, present) if stored is not None else None
    if found is None:
        if known is None:
            return None
        return Explanation(image, known, None, UNCHANGED, states_of(known, image, digest))
    sidecar, record = found
    files = states_of(record, image, digest)
    if present.hex() == record.digest:
        return Explanation(image, record, sidecar, UNCHANGED, files)
    return Explanation(image, record, sidecar, CHANGED, files, known)
