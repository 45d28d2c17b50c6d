"""Tables of cohorts in each format."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest

from voxgpu.cohorts.row import FAILED, Row
from voxgpu.cohorts.table import write_table
from voxgpu.execution.outputs import json_value
from voxgpu.files.errors import FileError

ROWS = [
    Row(
        "a",
        (("T", "1"),),
        {"v": 2.0, "n": json_value(math.nan), "l": [1.0, [2.0]], "b": True},
        0.5,
        9,
    ),
    Row("b, c", (("T", "2"),), {"v": 3.5, "status": "x"}, device="cpu"),
    Row("d", (("T", "1"),), status=FAILED, error='line "1"\nline 2'),
]
COLUMNS = ["case", "T", "v", "n", "l", "b", "printed:status"]
COLUMNS += ["seconds", "peak_bytes", "device", "worker", "status", "error"]


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "new" / "t.csv"
    write_table(path, ROWS)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == COLUMNS
    assert rows[0]["v"] == "2.0" and rows[0]["n"] == "nan" and rows[0]["l"] == "[1.0, [2.0]]"
    assert rows[0]["b"] == "true" and rows[1]["n"] == "" and rows[1]["case"] == "b, c"
    assert rows[1]["printed:status"] == "x" and rows[2]["error"] == 'line "1"\nline 2'
    assert [each.name for each in path.parent.iterdir()] == ["t.csv"]


def test_json_lines(tmp_path: Path) -> None:
    write_table(tmp_path / "t.jsonl", ROWS)
    rows = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert rows[0]["l"] == [1.0, [2.0]] and rows[0]["n"] == "nan" and rows[2]["status"] == "failed"


def test_parquet(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    write_table(tmp_path / "t.parquet", ROWS)
    found = parquet.read_table(tmp_path / "t.parquet")
    assert found.column_names == COLUMNS
    rows = found.to_pylist()
    assert rows[0]["v"] == 2.0 and math.isnan(rows[0]["n"]) and rows[0]["b"] is True
    assert rows[1]["l"] is None and rows[0]["l"] == "[1.0, [2.0]]" and rows[0]["peak_bytes"] == 9


def test_no_rows(tmp_path: Path) -> None:
    for suffix in ("csv", "jsonl"):
        write_table(tmp_path / f"t.{suffix}", [])
    assert (tmp_path / "t.csv").read_text().startswith("case,seconds")


def test_formats_and_folders_that_there_are_not(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"tables end in .csv"):
        write_table(tmp_path / "t.xlsx", ROWS)
    (tmp_path / "file").touch()
    with pytest.raises(FileError):
        write_table(tmp_path / "file" / "t.csv", ROWS)
