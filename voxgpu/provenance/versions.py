"""Versions of voxgpu and of what it computes with."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache

from voxgpu.installed_version import installed_version
from voxgpu.version import __version__

#: Packages that results may depend on.
_PACKAGES = {"NumPy": "numpy", "SciPy": "scipy", "SimpleITK": "SimpleITK"}


@cache
def versions() -> Mapping[str, str]:
    """The versions by name; looking them up takes some milliseconds once."""
    found = {"voxgpu": __version__, "Python": platform.python_version()}
    for name, package in _PACKAGES.items():
        version = installed_version(package)
        if version is not None:
            found[name] = version
    return found
