"""Where the files are now that a record names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from voxgpu.provenance.record import Provenance
from voxgpu.provenance.sidecar import read_json

#: What says what a BIDS dataset is, at its root.
_DESCRIPTION = "dataset_description.json"


def place_of(text: str, image: Path, record: Provenance) -> Path | None:
    """Where a file of a record is now; None where that cannot be told.

    text   its path, or the URI of a file of a BIDS dataset (``bids:raw:sub-01/…``)
    image  the image that the record is of, where it is now

    If the image has been moved, the way from it to a file that is not where it was is tried.
    """
    if text.startswith("bids:"):
        return _of_uri(text, image)
    path, folder = Path(text), image.absolute().parent
    if not path.is_absolute():
        path = Path(record.folder) / path if record.folder else folder / path
    if not path.exists() and record.place:
        moved = Path(os.path.normpath(folder / os.path.relpath(path, record.place)))
        if moved.exists():
            return moved
    return path


def _of_uri(uri: str, image: Path) -> Path | None:
    _, _, rest = uri.partition(":")
    link, _, relative = rest.partition(":")
    for root in image.absolute().parents:
        links: Mapping[str, object] = {}
        with suppress(OSError):
            about = read_json(root / _DESCRIPTION) or {}
            found = about.get("DatasetLinks", {})
            links = found if isinstance(found, dict) else {}
        if link in links:
            return Path(os.path.normpath(root / str(links[link]) / relative))
    return None
