"""Summaries of cohorts: the figures of pandas, the best combination, and failures by message."""

from __future__ import annotations

import csv
import json
import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from voxgpu.cohorts.read_table import read_rows
from voxgpu.cohorts.row import FAILED, Row
from voxgpu.cohorts.statistics import MOST_ITEMS, Statistics
from voxgpu.cohorts.summary import summarize
from voxgpu.cohorts.summary_text import summary_csv, summary_json, summary_text, write_summary
from voxgpu.cohorts.table import write_table
from voxgpu.files.errors import FileError

FIGURES = ("count", "mean", "sd", "min", "q1", "median", "q3", "max")


def _rows(cases: int = 7) -> list[Row]:
    """Rows of a sweep of two variables; some numbers are not finite, and a case fails in half."""
    generator = np.random.default_rng(3)
    rows = []
    for case, (number, t) in product(range(cases), enumerate(("0.90", "0.95"))):
        for method in ("otsu", "li"):
            combination = (("T", t), ("METHOD", method))
            if case == 2 and number:
                error = f"p.imgql:2: cannot read `data/c{case}/v.nii`"
                rows.append(Row(f"c{case}", combination, status=FAILED, error=error))
                continue
            value = float(generator.lognormal(number, 1))
            printed = {"volume": value if case != 4 else "nan", "is big": value > 1}
            printed |= {"range": [value - 1, [value + 1, "inf"]], "kind": f"kind {case % 2}"}
            rows.append(Row(f"c{case}", combination, printed, seconds=0.5, peak=case))
    return rows


def _figures(statistics: Statistics) -> list[float]:
    return [float(getattr(statistics, name)) for name in FIGURES]


def test_the_figures_are_those_of_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    rows = _rows()
    frame = pandas.DataFrame(
        [
            {"combination": row.combination, "v": row.printed["volume"], "r": row.printed["range"]}
            for row in rows
            if row.status != FAILED
        ]
    )
    frame["v"] = frame["v"].astype(float)
    frame["r0"] = [each[0] for each in frame["r"]]
    summary = summarize(rows)
    overall = {each.label: each for each in summary.overall}
    for label, column in (("volume", "v"), ("range[0]", "r0")):
        # Its columns: count, mean, std, min, 25%, 50%, 75%, max.
        assert _figures(overall[label]) == pytest.approx(frame[column].describe().tolist())
        found = {s.combination: s for s in summary.by_combination if s.label == label}
        for combination, group in frame.groupby("combination")[column]:
            assert _figures(found[combination]) == pytest.approx(group.describe().tolist())


def test_what_is_no_finite_number_is_counted_apart() -> None:
    rows = _rows()
    summary = summarize(rows)
    overall = {each.label: each for each in summary.overall}
    assert list(overall) == ["volume", "is big", "range[0]", "range[1][0]", "range[1][1]"]
    volume = overall["volume"]
    assert (volume.count, volume.nan, volume.infinite, volume.missing) == (22, 4, 0, 0)
    assert (overall["range[1][1]"].infinite, overall["range[1][1]"].count) == (26, 0)
    assert math.isnan(overall["range[1][1]"].mean)
    assert (summary.rows, summary.cases, summary.combinations, summary.failed) == (28, 7, 4, 2)
    shares = [row.printed["is big"] for row in rows if row.status != FAILED]
    assert overall["is big"].mean == pytest.approx(sum(shares) / len(shares))
    assert summary.texts == (("kind", (("kind 0", 14), ("kind 1", 12))),)
    assert (summary.seconds, summary.peak) == (13.0, 6)


def test_one_row_and_none() -> None:
    only = summarize([Row("a", (), {"v": 2.0})])
    (one,) = only.overall
    assert one.mean == one.median == one.min == one.max == 2 and math.isnan(one.sd)
    assert only.by_combination == ()
    assert summary_text(summarize([])).startswith("0 rows of 0 cases: 0 done, 0 failed")
    text = summary_text(only)
    assert text.splitlines()[2].split() == [
        "count",
        "mean",
        "sd",
        "min",
        "q1",
        "median",
        "q3",
        "max",
    ]
    assert text.splitlines()[3].split() == ["v", "1", "2", "–", "2", "2", "2", "2", "2"]


def test_a_label_with_values_of_several_kinds_and_one_that_is_missing() -> None:
    rows = [Row("a", (), {"v": 1.0}), Row("b", (), {"v": "none"}), Row("c", (), {"w": None})]
    (statistics,) = summarize(rows).overall
    assert (statistics.count, statistics.missing) == (1, 2)
    assert summarize(rows).texts == (("v", (("none", 1),)),)


def test_numbers_of_rows_that_failed_are_counted_apart() -> None:
    rows = [
        Row("a", (("T", "0"),), {"v": 1.0, "w": 7.0}),
        Row("a", (("T", "1"),), {"v": 100.0}, status=FAILED, error="E301: no `w`"),
        Row("b", (("T", "1"),), {"v": 2.0, "w": 8.0}),
    ]
    summary = summarize(rows)
    assert [(s.label, s.count, s.failed, s.max) for s in summary.overall] == [
        ("v", 2, 1, 2.0),
        ("w", 2, 0, 8.0),
    ]
    found = {(s.label, s.combination): s.failed for s in summary.by_combination}
    assert found["v", (("T", "1"),)] == 1 and found["v", (("T", "0"),)] == 0
    assert summary_text(summary).splitlines()[2].split()[:3] == ["count", "failed", "mean"]


def test_long_sequences_and_huge_numbers() -> None:
    rows = [Row("a", (), {"xs": [0.0] * (MOST_ITEMS + 1), "v": 1e308}), Row("b", (), {"v": 1e308})]
    summary = summarize(rows)
    assert summary.long == (("xs", MOST_ITEMS + 1),) and len(summary.overall) == 1
    assert "xs: sequences of up to 65 items" in summary_text(summary)
    assert math.isinf(summary.overall[0].mean) and summary.overall[0].median == 1e308
    assert json.dumps(summary_json(summary), allow_nan=False)


def test_the_best_combination_is_that_of_the_best_mean() -> None:
    pandas = pytest.importorskip("pandas")
    rows = _rows(30)
    frame = pandas.DataFrame(
        [{"c": r.combination, "v": float(r.printed["volume"])} for r in rows if r.status != FAILED]
    )
    means = frame.groupby("c")["v"].mean()
    most, least = summarize(rows, ["volume"], ["volume"]).best
    assert most.combinations == (means.idxmax(),) and most.mean == pytest.approx(means.max())
    assert least.combinations == (means.idxmin(),) and least.mean == pytest.approx(means.min())
    assert most.uneven == (28, 29)
    assert "from 28 to 29" in summary_text(summarize(rows, ["volume"]))


def test_ties_are_told_whatever_the_order_of_cases() -> None:
    numbers = [0.1, 0.2, 0.3, 0.7]
    rows = [Row(str(n), (("T", "a"),), {"v": each}) for n, each in enumerate(numbers)]
    rows += [Row(str(n), (("T", "b"),), {"v": each}) for n, each in enumerate(numbers[::-1])]
    rows += [Row("0", (("T", "c"),), {"v": "nan"}), Row("0", (("T", "d"),), {"v": 0.1})]
    (best,) = summarize(rows, ["v"]).best
    assert best.combinations == ((("T", "a"),), (("T", "b"),))
    text = summary_text(summarize(rows, ["v"]))
    assert "2 combinations tie (0.325 over 4 cases):\n  T=a\n  T=b" in text


def test_labels_that_there_are_not() -> None:
    with pytest.raises(ValueError, match=r"no row has a number `kind`; .* `volume`"):
        summarize(_rows(), ["kind"])
    failed = [Row("a", (), status=FAILED, error="x")]
    assert summarize(failed, ["v"]).best[0].combinations == ()
    assert "no combination has a finite number" in summary_text(summarize(failed, ["v"]))


def test_failures_are_grouped_whatever_the_case_is_called() -> None:
    names = ["a", "1", "sub-01", "x.y"]
    rows = [
        Row(name, (("T", t),), status=FAILED, error=f"E201: cannot read `data/{name}/a1.nii`")
        for name in names
        for t in ("0", "1")
    ]
    rows.append(Row("z", (("T", "0"),), status=FAILED, error="E304: out of luck"))
    first, second = summarize(rows).failures
    assert first.message == "E201: cannot read `data/…/a1.nii`"
    assert first.cases == tuple(names) and first.rows == 8
    assert (second.cases, second.rows) == (("z",), 1)
    text = summary_text(summarize(rows))
    assert "9 rows failed:\n  8 rows of a, 1, sub-01 and 1 more:\n    E201" in text


def test_text_is_aligned_to_the_right_also_with_wide_letters() -> None:
    rows = [Row(str(n), (), {"体积 (mm³)": 10.0**n, "v": 1 / 3}) for n in range(4)]
    header, first, second = summary_text(summarize(rows)).splitlines()[2:5]
    assert first.startswith("体积 (mm³)      4") and second.startswith("v               4")
    ends = [header.index(each) + len(each) for each in ("count", "mean", "median", "max")]
    assert [second[each] for each in ends[:3]] == [" "] * 3 and len(second) == ends[3]


def test_csv_and_json_have_what_the_text_has(tmp_path: Path) -> None:
    summary = summarize(_rows(), ["volume"])
    write_summary(tmp_path / "new" / "s.csv", summary)
    with (tmp_path / "new" / "s.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == len(summary.overall) + len(summary.by_combination) == 5 + 20
    for line, each in zip(lines, (*summary.overall, *summary.by_combination), strict=True):
        assert line["label"] == each.label and line["mean"] == (
            "" if math.isnan(each.mean) else repr(each.mean)
        )
        assert (line["T"], line["METHOD"]) == tuple(dict(each.combination or ()).values()) or (
            each.combination is None and line["T"] == line["METHOD"] == ""
        )
    write_summary(tmp_path / "s.json", summary)
    data = json.loads((tmp_path / "s.json").read_text("utf-8"))
    assert data["labels"][0]["median"] == summary.overall[0].median
    assert data["best"][0]["combinations"] == [dict(summary.best[0].combinations[0])]
    assert data["failures"][0]["cases"] == ["c2"] and data["failed"] == 2
    write_summary(tmp_path / "s.txt", summary)
    assert (tmp_path / "s.txt").read_text("utf-8") == summary_text(summary) + "\n"
    with pytest.raises(FileError, match=r"summaries end in .txt"):
        write_summary(tmp_path / "s.pdf", summary)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_a_table_has_the_summary_of_its_rows(tmp_path: Path, suffix: str) -> None:
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    rows = _rows()
    write_table(tmp_path / f"t{suffix}", rows)
    again = read_rows([tmp_path / f"t{suffix}"])
    found, expected = summarize(again, ["volume"]), summarize(rows, ["volume"])
    text = summary_csv(expected)
    if suffix == ".parquet":  # swept numbers have a type there: 0.90 is 0.9
        text = text.replace(",0.90,", ",0.9,")
    assert summary_csv(found) == text
    assert found.best[0].mean == expected.best[0].mean
    assert (found.failures, found.texts) == (expected.failures, expected.texts)


def test_tables_of_others_and_rows_that_are_there_twice(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("name,v\na,1\n")
    (tmp_path / "u.csv").write_text("case,v,status,error\na,1,done,\na,1,done,\n")
    (tmp_path / "w.csv").write_text("case,v,status,error\na,1,odd,\n")
    (tmp_path / "x.jsonl").write_text("[1]\n")
    (tmp_path / "y.parquet").write_text("no")
    for name, reason in [
        ("t.csv", "no table and no journal"),
        ("u.csv", "a row twice"),
        ("w.csv", "line 2 is no row"),
        ("x.jsonl", "no table and no journal"),
        ("y.parquet", "no table and no journal"),
        ("gone.csv", "No such file"),
        ("t.csv.journal", "No such file"),
    ]:
        with pytest.raises(FileError, match=reason):
            read_rows([tmp_path / name])
