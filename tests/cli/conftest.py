"""A folder with images, for the command line to work in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.programs.inputs import write_inputs


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The images of ``tests.programs.inputs``; tests must not change them."""
    folder = tmp_path_factory.mktemp("images")
    write_inputs(folder)
    return folder


@pytest.fixture
def desk(images: Path, tmp_path: Path) -> Path:
    """A copy of the images in a folder that a test may change."""
    return Path(shutil.copytree(images, tmp_path / "desk"))
