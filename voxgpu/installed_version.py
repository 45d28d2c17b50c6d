"""Versions of installed packages, read from the names of their metadata."""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_SUFFIX = ".dist-info"


@cache
def installed_version(package: str) -> str | None:
    """Returns the version of a package, named as its module; None where it is not installed.

    The module is not loaded, and ``importlib.metadata``, which takes ten times as long as reading
    the names in a folder, only where these do not tell.
    """
    spec = find_spec(package)
    if spec is None:
        return None
    if spec.origin is not None:
        names = os.listdir(Path(spec.origin).parent.parent)  # noqa: PTH208 - names alone
        start = f"{package.lower()}-"
        found = [each for each in names if each.endswith(_SUFFIX)]
        found = [each for each in found if each.lower().startswith(start)]
        if len(found) == 1:
            return found[0][len(start) : -len(_SUFFIX)]
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None
