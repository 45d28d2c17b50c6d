"""What JSON files of a dataset say of an image, by the inheritance of BIDS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from voxgpu.cohorts.bids.dataset import BidsName, bids_name


def sidecar_values(root: Path, image: Path, name: BidsName) -> Mapping[str, Any]:
    """The values that hold for an image: those of files nearer to it replace those farther up.

    A file holds for the images in its folder and below that have its suffix and all of its
    entities. Files that are no JSON objects say nothing.
    """
    found: dict[str, Any] = {}
    folders = [each for each in image.parents if each == root or root in each.parents]
    for folder in reversed(folders):
        applying = []
        for path in folder.glob("*.json"):
            # At the root names may be without any entity: T1w.json.
            other = bids_name(path.name) or BidsName({}, path.stem)
            is_part = other.entities.items() <= name.entities.items()
            if other.suffix == name.suffix and is_part:
                applying.append((len(other.entities), path))
        for _, path in sorted(applying):
            found |= _values(path)
    return found


def _values(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
