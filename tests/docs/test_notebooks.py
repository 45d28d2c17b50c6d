"""The notebooks of the documentation run, and give the outputs that they show."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks.gallery.notebooks import NOTEBOOKS, execute

NAMES = [path.name for path in sorted(NOTEBOOKS.glob("*.ipynb"))]


def _outputs(notebook: Any) -> list[list[tuple[str, str, list[str]]]]:
    """Of each cell the kinds of its outputs and their texts, with numbers of four digits."""
    return [
        [
            (
                output["output_type"],
                _rounded(output.get("text") or output["data"]["text/plain"]),
                sorted(output.get("data", ())),
            )
            for output in cell.get("outputs", ())
        ]
        for cell in notebook["cells"]
    ]


def _rounded(text: str | list[str]) -> str:
    whole = "".join(text)
    return re.sub(r"\d+\.\d+", lambda number: f"{float(number[0]):.4g}", whole)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_gives_the_outputs_that_it_shows(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("nbclient", "ipykernel", "pandas"):
        pytest.importorskip(package)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    work = tmp_path / "work"
    work.mkdir()
    shown = json.loads((NOTEBOOKS / name).read_text("utf-8"))
    assert _outputs(execute(NOTEBOOKS / name, work)) == _outputs(shown), "run `make gallery`"


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_small_and_shows_outputs_of_every_run_in_order(name: str) -> None:
    path = NOTEBOOKS / name
    assert path.stat().st_size <= 200_000
    cells = json.loads(path.read_text("utf-8"))["cells"]
    counts = [cell["execution_count"] for cell in cells if cell["cell_type"] == "code"]
    assert counts == [*range(1, len(counts) + 1)]


def test_there_are_two_notebooks() -> None:
    assert NAMES == ["cohort.ipynb", "first-steps.ipynb"]
