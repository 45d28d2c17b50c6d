"""The figures on the page about strategies are those of its data file, which the harness writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.strategies import __main__ as harness
from benchmarks.strategies import page, plots, sections
from benchmarks.strategies.ask import middle
from benchmarks.strategies.catalogue import STRATEGIES
from benchmarks.strategies.intervals import covered, overlap
from benchmarks.strategies.page import PAGE, rendered

DATA = json.loads(harness.DATA.read_text("utf-8"))


def test_the_page_has_the_figures_of_the_data() -> None:
    text = PAGE.read_text("utf-8")
    assert rendered(text, DATA) == text, "python -m benchmarks.strategies --page-only"


def test_other_data_give_another_page() -> None:
    changed = json.loads(json.dumps(DATA))
    changed["programs"]["data"]["sweep"]["engine, threads"]["wall"] = 12.345
    assert "12" in rendered(PAGE.read_text("utf-8"), changed)
    assert rendered(PAGE.read_text("utf-8"), changed) != PAGE.read_text("utf-8")


def test_every_block_is_on_the_page() -> None:
    text = PAGE.read_text("utf-8")
    assert [name for name in page.BLOCKS if f"<!-- figures: {name} -->" not in text] == []


def test_the_data_have_every_section_and_strategy() -> None:
    assert list(DATA) == list(harness.SECTIONS)
    assert all(each["machine"]["cores"] and each["seconds"] >= 0 for each in DATA.values())
    for found in (DATA["programs"]["data"]["tumor"], DATA["faults"]["data"]):
        assert set(found) == set(STRATEGIES)
    for name in plots.NAMES:
        assert (harness.ROOT / "docs" / "images" / f"strategies-{name}.png").exists()


def test_plots_are_drawn_of_the_data(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    plots.draw(DATA, tmp_path)
    assert all((tmp_path / f"strategies-{name}.png").stat().st_size > 5000 for name in plots.NAMES)


def test_times_that_overlap_are_counted_once() -> None:
    reading = [("reading", 0.0, 2.0), ("reading", 1.0, 3.0), ("reading", 5.0, 6.0)]
    computing = [("computing", 2.5, 5.5)]
    assert covered(reading) == 4.0
    assert overlap(reading, computing) == 1.0
    assert overlap(reading, []) == 0.0


def test_medians_leave_out_what_is_not_known() -> None:
    rows: list[dict[str, Any]] = [{"a": 1.0, "b": None}, {"a": 5.0, "b": 2}, {"a": 2.0, "b": None}]
    assert middle(rows) == {"a": 2.0, "b": 2}


def test_only_code_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text('"""A\n\nB."""\n\n# C\nx = 1\n\n\ndef f():\n    """D."""\n    return x\n')
    assert sections.code_lines([path]) == 3


def test_an_interrupted_measurement_goes_on(tmp_path: Path, monkeypatch: Any) -> None:
    called: list[str] = []

    def section(name: str) -> Any:
        def measure(*_: Any) -> Any:
            called.append(name)
            if name == "b" and called.count("b") == 1:
                raise KeyboardInterrupt
            return {name: 1 / 3}

        return measure

    monkeypatch.setattr(harness, "SECTIONS", {name: section(name) for name in "ab"})
    monkeypatch.setattr(harness.work, "prepare", lambda folder, small: _Case())
    arguments = (["a", "b"], tmp_path, sections.MINIATURE, True)
    with pytest.raises(KeyboardInterrupt):
        harness.measure(*arguments)
    harness.measure(*arguments)
    assert called == ["a", "b", "b"]
    target = tmp_path / "data.json"
    harness.assemble(["a", "b"], tmp_path, target)
    assert json.loads(target.read_text())["b"]["data"] == {"b": 0.33333}
    assert list(tmp_path.iterdir()) == [target], "the next run begins anew"


class _Case:
    case = Path("head")


@pytest.mark.slow
def test_sections_are_measured(tmp_path: Path) -> None:
    target = tmp_path / "data.json"
    small = [
        "--miniature",
        "--only",
        "lines",
        "sharing",
        "profile",
        "--output",
        str(tmp_path / "o"),
    ]
    assert harness.main([*small, "--data", str(target)]) == 0
    found = {name: each["data"] for name, each in json.loads(target.read_text()).items()}
    assert found["lines"]["prototypes"]["streaming"] < found["lines"]["engine"]
    assert found["sharing"]["engine, both programs as one plan"]["twice"] == 0
    assert found["sharing"]["streaming"]["twice"] > 0
    assert found["profile"]["chain, session, as in VoxLogicA-2"]["functions"]
