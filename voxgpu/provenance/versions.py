"""Versions of voxgpu and of what it computes with."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from voxgpu.version import __version__

#: Packages that results may depend on.
_PACKAGES = {"NumPy": "numpy", "SciPy": "scipy", "SimpleITK": "SimpleITK"}


@cache
def versions() -> Mapping[str, str]:
    """The versions by name; looking them up takes some milliseconds once."""
    found = {"voxgpu": __version__, "Python": platform.python_version()}
    for name, package in _PACKAGES.items():
        try:
            found[name] = version(package)
        except PackageNotFoundError:
            continue
    return found
