"""Versions of installed packages, as ``importlib.metadata`` tells them."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from voxgpu.installed_version import installed_version


@pytest.mark.parametrize("package", ["numba", "numpy", "scipy", "SimpleITK", "click", "llvmlite"])
def test_it_is_the_version_that_importlib_tells(package: str) -> None:
    assert installed_version(package) == version(package)


def test_there_is_none_of_what_is_not_installed() -> None:
    assert installed_version("voxgpu_of_another_world") is None
    assert installed_version("json") is None


def test_left_metadata_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vxparts").mkdir()
    (tmp_path / "vxparts" / "__init__.py").touch()
    for number in ("1.0", "1.1"):
        (tmp_path / f"vxparts-{number}.dist-info").mkdir()
    metadata = "Metadata-Version: 2.1\nName: vxparts\nVersion: 1.1\n"
    (tmp_path / "vxparts-1.0.dist-info" / "METADATA").write_text(metadata)
    (tmp_path / "vxparts-1.1.dist-info" / "METADATA").write_text(metadata)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    installed_version.cache_clear()
    assert installed_version("vxparts") == version("vxparts") == "1.1"
    installed_version.cache_clear()
