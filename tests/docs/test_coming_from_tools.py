"""The pages on coming from other tools: each row is run by the tool, in ImgQL and in Python."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import voxgpu
from tests.docs.blocks import ROOT, blocks
from tests.docs.tools.images import LOADS, write_images
from tests.docs.tools.row import Row, table
from tests.docs.tools.runs import difference, in_python, missing, ours, theirs

#: The pages, by the tools of their tables.
PAGES = {
    "fslmaths": "coming-from-fslmaths",
    "fslstats": "coming-from-fslmaths",
    "c3d": "coming-from-c3d",
    "mrtrix": "coming-from-mrtrix",
    "simpleitk": "coming-from-simpleitk",
}
_TITLES = {"mrtrix": "MRtrix3", "simpleitk": "SimpleITK"}
_TABLE = r"<!-- rows: (\w+) (\w+) -->\n((?:\|.*\n)*)"


def _sections(tool: str) -> dict[str, tuple[Row, ...]]:
    return import_module(f"tests.docs.tools.{tool}").SECTIONS  # type: ignore[no-any-return]


def _rows(tool: str) -> list[Row]:
    return [row for rows in _sections(tool).values() for row in rows]


def _every() -> Iterator[Any]:
    for tool in PAGES:
        for row in _rows(tool):
            yield pytest.param(tool, row, id=f"{tool}: {row.theirs}")


def _page(tool: str) -> Path:
    return ROOT / "docs" / f"{PAGES[tool]}.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the images of the rows."""
    folder = tmp_path_factory.mktemp("tools")
    write_images(folder)
    return folder


@pytest.fixture(scope="module")
def results(folder: Path) -> dict[str, dict[Row, Any]]:
    """What ImgQL computes for each row, by tools: one run for each."""
    return {
        tool: dict(zip(rows, ours(rows, folder), strict=True))
        for tool in PAGES
        for rows in [_rows(tool)]
    }


@pytest.mark.parametrize(("tool", "row"), [*_every()])
def test_a_row_gives_the_same(
    tool: str, row: Row, folder: Path, results: dict[str, dict[Row, Any]]
) -> None:
    reason = missing(tool)
    if reason:
        pytest.skip(reason)
    told = difference(row, theirs(tool, row, folder), results[tool][row])
    assert not told, f"{row.theirs} beside {row.imgql}: {told}"


@pytest.mark.parametrize("tool", PAGES)
def test_python_gives_the_same(tool: str, folder: Path, results: dict[str, dict[Row, Any]]) -> None:
    rows = [row for row in _rows(tool) if row.in_python]
    for row, value in zip(rows, in_python(rows, folder), strict=True):
        exact = Row(row.theirs, row.imgql, prints=row.prints)
        assert not difference(exact, value, results[tool][row]), row.in_python


def test_a_difference_is_noticed(folder: Path) -> None:
    wrong = {"c3d": Row("c3d v.nii -binarize -o out.nii", "v > 0")}
    wrong["simpleitk"] = Row("sitk.Median(v, [1, 1, 1])", "median_filter(v, 2)")
    wrong["fslstats"] = Row("fslstats v -m", "avg(v, b)", prints=True)
    for tool, row in wrong.items():
        if not missing(tool):
            assert difference(row, theirs(tool, row, folder), ours([row], folder)[0])


@pytest.mark.parametrize("tool", PAGES)
def test_the_page_has_every_row(tool: str, update_golden: bool) -> None:
    page = _page(tool)
    text = page.read_text("utf-8")
    sections = _sections(tool)
    found = [key for name, key, _ in re.findall(_TABLE, text) if name == tool]
    assert found == list(sections)

    def filled(match: re.Match[str]) -> str:
        if match[1] != tool:
            return match[0]
        rows = table(_TITLES.get(tool, tool), sections[match[2]])
        return f"<!-- rows: {match[1]} {match[2]} -->\n{rows}"

    made = re.sub(_TABLE, filled, text)
    if update_golden:
        page.write_text(made, "utf-8")
    else:
        assert made == text, "run it with --update-golden"


@pytest.mark.parametrize("stem", sorted(set(PAGES.values())))
def test_the_names_of_the_page_are_those_of_the_rows(
    stem: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    program, python = list(blocks(ROOT / "docs" / f"{stem}.md"))
    lines = [re.sub(r"\s*//.*", "", line) for line in program.text.splitlines()]
    assert "\n".join(lines) == LOADS.strip()
    assert not voxgpu.check(program.text)
    names: dict[str, Any] = {}
    exec(python.text, names)
    assert {"v", "w", "m", "l", "t", "f", "b", "c", "sitk", "vx"} <= names.keys()
