"""``voxgpu.cohort``: forms of cases and sweeps, rows as they finish, the table and its summary."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

import voxgpu
from tests.cli.command import voxgpu as command
from tests.cohorts.tables import csv_rows
from tests.python.cohorts import PROGRAM, TEMPLATE, prepared


def test_the_table_is_what_single_runs_print(desk: Path) -> None:
    cohort = prepared()
    assert (len(cohort), cohort.is_complete) == (8, False)
    rows = cohort.table
    assert [(row["case"], row["T"]) for row in rows] == [
        (f"case{n}", t) for n in range(4) for t in (5, 15)
    ]
    for row in rows:
        if row["case"] == "case2":
            assert row["status"] == "failed" and "case2/v.nii" in row["error"]
            assert "bright" not in row
            continue
        path = f"data/{row['case']}/v.nii"
        single = voxgpu.run("p.imgql", define={"V": path, "T": row["T"]})
        assert {name: row[name] for name in ("bright", "range", "what")} == single.printed
    assert cohort.failed == [row for row in rows if row["status"] == "failed"]
    assert cohort.is_complete and repr(cohort) == (
        "<voxgpu.Cohort: 4 cases × 2 combinations, 8 of 8 rows, 2 failed>"
    )


def test_rows_are_computed_as_they_are_asked_for(desk: Path) -> None:
    seen: list[voxgpu.Progress] = []
    cohort = voxgpu.cohort(
        PROGRAM, "data/*/", define={**TEMPLATE, "T": 5}, workers=0, progress=seen.append
    )
    assert not seen
    first = next(iter(cohort))
    assert first["case"] == "case0" and len(seen) == 1
    assert [row["case"] for row in cohort] == [f"case{n}" for n in range(4)]
    assert [row["case"] for row in cohort] == [f"case{n}" for n in range(4)]
    assert [(each.step, each.done, each.total) for each in seen] == [
        (f"case{n}", n + 1, 4) for n in range(4)
    ]


@pytest.mark.parametrize(
    "cases",
    [
        ["data/case0/v.nii", "data/case1/v.nii"],
        [Path("data/case0/v.nii"), Path("data/case1/v.nii")],
        {"a": "data/case0/v.nii", "b": Path("data/case1/v.nii")},
        {"a": {"V": "data/case0/v.nii"}, "b": {"V": Path("data/case1/v.nii")}},
        [{"NAME": "a", "V": "data/case0/v.nii"}, {"NAME": "b", "V": "data/case1/v.nii"}],
        [{"CASE": "data/case0/v.nii"}, {"CASE": "data/case1/v.nii"}],
        "data/case[01]/v.nii",
        "cases.csv",
        Path("cases.csv"),
    ],
)
def test_forms_of_cases(desk: Path, cases: Any) -> None:
    (desk / "cases.csv").write_text("V\ndata/case0/v.nii\ndata/case1/v.nii\n")
    define = {} if "V" in str(cases) or "csv" in str(cases) else {"V": "{path}"}
    cohort = prepared(cases, define={**define, "T": 3}, sweep=None)
    assert [row["bright"] for row in cohort.table] == [20.0, 24.0], cohort.failed
    assert len({row["case"] for row in cohort.table}) == 2


def test_cases_of_a_data_frame(desk: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {"V": ["data/case0/v.nii", "data/case1/v.nii", None], "T": [3, 12, 1]},
        index=["a", "b", "c"],
    )
    cohort = prepared(frame, define=None, sweep=None)
    rows = cohort.table
    assert [row["case"] for row in rows] == ["a", "b", "c"]
    assert [row.get("bright") for row in rows] == [20.0, 21.0, None]
    assert "the case has no `$V`" in rows[2]["error"]
    numbered = frame.reset_index(drop=True).assign(subject=["x", "y", "z"])
    assert [row["case"] for row in prepared(numbered, define=None, sweep=None)] == ["x", "y", "z"]


@pytest.mark.parametrize(
    ("sweep", "values"),
    [
        ({"T": "5:15:5"}, [5, 10, 15]),
        ({"T": "5,7.5"}, [5.0, 7.5]),
        ({"T": np.array([5, 7])}, [5, 7]),
        ({"T": (n for n in (1.5, 2))}, [1.5, 2.0]),
        ([{"T": 3}, {"T": 1}], [3, 1]),
    ],
)
def test_forms_of_sweeps(desk: Path, sweep: Any, values: list[float]) -> None:
    rows = prepared("data/case0/", sweep=sweep).table
    assert [row["T"] for row in rows] == values
    assert all(type(row["T"]) is type(values[0]) for row in rows)
    assert [row["bright"] for row in rows] == [23.0 - math.floor(each) for each in values]


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"cases": "none/*/"}, voxgpu.ImgqlError, "nothing matches `none/"),
        ({"cases": "gone.csv"}, voxgpu.ImgqlError, "gone.csv"),
        ({"cases": []}, voxgpu.ImgqlError, "there are no cases"),
        ({"cases": 3}, TypeError, "cases are a pattern, a table"),
        ({"cases": [3]}, TypeError, "not int as a case"),
        ({"cases": {"a": {"V": np.zeros((2, 2))}}}, TypeError, "cases['a']['V'] is an image"),
        ({"cases": [{"V": sitk.Image(2, 2, 2, 1)}]}, TypeError, "cases[0]['V'] is an image"),
        ({"cases": [{"a b": 1}]}, ValueError, "`a b` is no name of a program variable"),
        ({"sweep": {"T": []}}, ValueError, "sweep['T'] has no values"),
        ({"sweep": {"T": [1, 1]}}, ValueError, "sweep['T'] has a value twice"),
        ({"sweep": {"T": 3}}, TypeError, "sweep['T'] is a sequence"),
        ({"sweep": {"T": "1:2"}}, ValueError, "both ends included"),
        ({"sweep": [{"T": 1}, {"U": 1}]}, ValueError, "other variables than"),
        ({"sweep": {"V": ["a"]}}, ValueError, "V cannot be swept and defined"),
        ({"define": {"V": object()}}, TypeError, "define['V'] is a number"),
        ({"table": "t.xlsx"}, ValueError, "a table ends in .csv"),
        ({"workers": -1}, ValueError, "workers is 0 or more"),
        ({"workers": 1.5}, TypeError, "workers is a whole number"),
        ({"retry": -1}, ValueError, "retry is 0 or more"),
        ({"case_timeout": 0}, ValueError, "case_timeout is a time"),
        ({"scheduler": 3, "workers": None}, TypeError, "scheduler is an address"),
        ({"cluster": "slurm", "workers": None}, ValueError, "--cluster slurm"),
        ({"cluster": "cuda"}, ValueError, "leave scheduler and workers=0 out"),
        ({"workers": 2, "scheduler": "tcp://x"}, ValueError, "leave workers out"),
        ({"threads": 0}, ValueError, "threads are a whole number"),
        ({"progress": 3}, TypeError, "progress is a function"),
    ],
)
def test_mistakes(desk: Path, options: dict[str, Any], error: type[Exception], said: str) -> None:
    if options.get("progress") is not None:
        with pytest.raises(error, match="progress is"):
            voxgpu.cohort("p.imgql", "data/*/", **options)
        return
    with pytest.raises(error) as caught:
        prepared(**options)
    assert said in str(caught.value)
    assert not list(desk.glob("*.journal"))


def test_mistakes_of_the_program_are_told_at_once(desk: Path) -> None:
    with pytest.raises(voxgpu.ImgqlError, match=r"gone\.imgql"):
        voxgpu.cohort("gone.imgql", "data/*/")
    with pytest.raises(voxgpu.ImgqlError):
        voxgpu.cohort('print "v" (1 +', "data/*/")


def test_a_table_is_written_and_gone_on_from(desk: Path) -> None:
    with prepared(table="t.csv") as cohort:
        for row in cohort:
            if row["case"] == "case1":
                break
    assert not cohort.is_complete and len(cohort.table) == 4
    assert len(csv_rows(Path("t.csv"))) == 4
    again = prepared(table="t.csv")
    assert repr(again) == "<voxgpu.Cohort: 4 cases × 2 combinations, 4 of 8 rows>"
    assert len(list(again)) == 8 and again.is_complete
    lines = csv_rows(Path("t.csv"))
    assert [(row["case"], row["T"]) for row in lines] == [
        (f"case{n}", t) for n in range(4) for t in ("5", "15")
    ]
    whole = command(
        *("cohort", "p.imgql", "--cases", "data/*/", "-D", "V={path}/v.nii", "--sweep", "T=5,15"),
        *("--table", "t.csv"),
        cwd=desk,
    )
    assert "6 of 8 rows are there already" in whole.err
    fresh = prepared(table="t.csv", resume=False)
    assert "0 of 8 rows" in repr(fresh)
    fresh.cancel()
    fresh.cancel()
    assert fresh.table == [] and csv_rows(Path("t.csv")) == []


def test_a_table_that_is_being_written(desk: Path) -> None:
    first = prepared(table="t.csv")
    with pytest.raises(voxgpu.ImgqlError, match="another run is writing it"):
        prepared(table="t.csv")
    first.cancel()
    assert prepared(table="t.csv").run().is_complete


def test_a_data_frame_has_typed_columns(desk: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = prepared().to_pandas()
    assert frame["T"].dtype == "int64" and frame["bright"].dtype == "float64"
    assert frame["peak_bytes"].dtype == "int64" and frame["seconds"].dtype == "float64"
    assert list(frame.columns[:2]) == ["case", "T"] and len(frame) == 8
    assert frame["range"][0] == (0.0, 23.0) and pandas.isna(frame["bright"][4])
    assert frame.groupby("T")["bright"].mean().tolist() == pytest.approx([66 / 3, 50 / 3])


def test_the_summary(desk: Path) -> None:
    cohort = prepared()
    summary = cohort.summary(maximize="bright", minimize=["range[0]"])
    assert summary.labels["bright"]["count"] == 6 and summary.data["failed"] == 2
    assert summary.labels["bright"]["mean"] == pytest.approx((18 + 8 + 24 + 18 + 24 + 24) / 6)
    assert summary.best[0]["combinations"] == [{"T": "5"}]
    assert len(summary.best[1]["combinations"]) == 2
    assert str(summary) == repr(summary) and "greatest mean of bright: T=5" in str(summary)
    assert "&lt;" not in summary._repr_html_() and "<pre>8 rows of 4 cases" in summary._repr_html_()
    with pytest.raises(ValueError, match="no row has a number `brihgt`"):
        cohort.summary("brihgt")


def test_plots(desk: Path) -> None:
    pytest.importorskip("matplotlib")
    drawn = prepared("data/case0/").plots("pictures", maximize="bright")
    assert [each.name for each in drawn] == [
        "distribution-bright.png",
        "distribution-range[0].png",
        "distribution-range[1].png",
    ]
    assert all(each.with_suffix(".svg").is_file() for each in drawn)


def test_what_is_not_installed_is_named(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(voxgpu.ImgqlError, match="needs pandas"):
        prepared().to_pandas()
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(voxgpu.ImgqlError, match="needs pyarrow"):
        prepared(table="t.parquet")


def test_in_a_notebook_there_is_a_bar_and_a_table(
    desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []

    class ZMQInteractiveShell:
        pass

    def display(html: str, display_id: bool) -> Any:
        shown.append(html)
        return SimpleNamespace(update=shown.append)

    ipython, displays = ModuleType("IPython"), ModuleType("IPython.display")
    ipython.get_ipython = ZMQInteractiveShell  # type: ignore[attr-defined]
    displays.HTML, displays.display = str, display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", displays)
    (desk / "data" / "case0").rename(desk / "data" / "<b>")
    cohort = voxgpu.cohort("p.imgql", "data/*/", define={**TEMPLATE, "T": 5}, workers=0)
    html = cohort._repr_html_()
    assert "0 of 4 rows" in html and "<table>" not in html and not shown
    cohort.run()
    assert shown[0].startswith('<progress value="0" max="4">')
    assert shown[-1].startswith('<progress value="4" max="4"></progress> 4 of 4 rows, 1 failed')
    assert all("<b>" not in each for each in (*shown, cohort._repr_html_()))
    assert "<td>18</td>" in cohort._repr_html_()
