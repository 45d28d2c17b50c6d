"""A folder with two cases, and a viewer of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.viewer.serving import PROGRAM, Served, serving, write_case


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cases ``a`` and ``b`` with layers ``v`` and ``w``, and a program; tests leave it as it is."""
    found = tmp_path_factory.mktemp("opened") / "study"
    write_case(found / "a", "v", "w")
    write_case(found / "b", "v", "w")
    (found / "p.imgql").write_text(PROGRAM)
    return found


@pytest.fixture(scope="session")
def served(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A viewer of the folder; tests must not change what is in it."""
    with serving([folder], tmp_path_factory.mktemp("files")) as found:
        yield found
