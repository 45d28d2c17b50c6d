"""The nearest folder above a path that exists."""

from __future__ import annotations

import os
from pathlib import Path


def nearest_ancestor(path: Path) -> Path:
    """Returns the path itself, or the nearest ancestor that exists and is visible to this user.

    path  an absolute path
    """
    while not os.path.exists(path):  # noqa: PTH110 (Path.exists raises in forbidden folders)
        path = path.parent
    return path
