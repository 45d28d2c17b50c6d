"""The nearest folder above a path that exists."""

from __future__ import annotations

import os
from pathlib import Path


def nearest_ancestor(path: Path) -> Path:
    """The path itself, or the nearest path above it that exists as far as this user can see.

    path  absolute
    """
    while not os.path.exists(path):  # noqa: PTH110 (Path.exists raises in forbidden folders)
        path = path.parent
    return path
