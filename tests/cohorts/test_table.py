"""Tables of cohorts in each format."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.cohorts.tables import csv_rows
from voxgpu.cohorts.journal import Journal
from voxgpu.cohorts.read_table import read_rows
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
    rows = csv_rows(path)
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


def test_names_that_are_those_of_other_columns(tmp_path: Path) -> None:
    """Of swept variables, of labels, and of labels that others would be renamed to."""
    combination = (("seconds", "1"), ("case", "2"), ("T", "3"))
    labels = ["T", "status", "printed:status", "swept:seconds", "error", "", "v"]
    row = Row("a", combination, {label: float(n) for n, label in enumerate(labels)}, 0.5, 7)
    write_table(tmp_path / "t.csv", [row])
    (line,) = csv_rows(tmp_path / "t.csv")
    assert len(line) == 1 + 3 + len(labels) + 6
    assert (line["swept:seconds"], line["swept:case"], line["T"]) == ("1", "2", "3")
    assert (line["seconds"], line["case"], line["status"]) == ("0.5", "a", "done")
    assert (line["printed:T"], line["printed:status"], line["printed:error"]) == (
        "0.0",
        "2.0",
        "4.0",
    )
    assert line["printed:printed:status"] == "1.0" and line["printed:swept:seconds"] == "3.0"
    assert (line[""], line["v"]) == ("5.0", "6.0")
    for suffix in ("csv", "jsonl", "parquet"):
        if suffix == "parquet":
            pytest.importorskip("pyarrow")
        write_table(tmp_path / f"t.{suffix}", [row])
        (again,) = read_rows([tmp_path / f"t.{suffix}"])
        assert again.printed.keys() >= {"v", "", "status", "printed:status", "error"}


def test_swept_variables_that_the_journal_names_are_found_in_their_columns(tmp_path: Path) -> None:
    names = ("case", "seconds", "error", "T")
    rows = [Row("a", tuple((name, n) for name in names), {"v": 1.0}) for n in "12"]
    with Journal(tmp_path / "t.csv.journal", {"swept": names}):
        write_table(tmp_path / "t.csv", rows)
    again = read_rows([tmp_path / "t.csv"])
    assert [each.combination for each in again] == [each.combination for each in rows]
    assert [each.printed for each in again] == [{"v": 1.0}] * 2


def test_columns_of_rows_that_come_late(tmp_path: Path) -> None:
    early = [Row(f"c{n}", (), {"v": 1.0}) for n in range(1500)]
    rows = [*early, Row("late", (), {"w": 2.0, "v": 3.0}), Row("failed", (), status=FAILED)]
    for suffix in (".csv", ".jsonl"):
        write_table(tmp_path / f"t{suffix}", rows)
    lines = csv_rows(tmp_path / "t.csv")
    assert len(lines) == 1502 and (lines[0]["w"], lines[1500]["w"]) == ("", "2.0")
    texts = (tmp_path / "t.jsonl").read_text().splitlines()
    assert len(texts) == 1502 and json.loads(texts[1500])["w"] == 2.0


def test_letters_of_all_kinds(tmp_path: Path) -> None:
    name = "Größe \U0001f9e0\n" + b"\xff".decode("utf-8", "surrogateescape")
    rows = [Row(name, (), {"体积\t(mm³)": "x,\"'"}, error=name)]
    shown = name.replace("\udcff", "\\udcff")
    for suffix in (".csv", ".tsv", ".jsonl", ".parquet"):
        if suffix == ".parquet":
            pytest.importorskip("pyarrow")
        path = tmp_path / f"t{suffix}"
        write_table(path, rows)
        (row,) = read_rows([path])
        assert row.case in (name, shown) and row.error == row.case, suffix
        assert row.printed == {"体积\t(mm³)": "x,\"'"}, suffix


def test_parquet_has_a_type_for_each_column(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [
        Row("001", (("N", "1"), ("T", "0.90"), ("P", "007")), {"v": 1.0, "b": True, "t": "nan"}),
        Row("002", (("N", "2"), ("T", "1"), ("P", "8")), {"v": "inf", "b": "x", "t": "u"}),
        Row("003", (("N", "3"), ("T", "2"), ("P", "9")), {"n": "nan", "i": 3}, status=FAILED),
    ]
    write_table(tmp_path / "t.parquet", rows)
    table = parquet.read_table(tmp_path / "t.parquet")
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds == {
        **{"case": "string", "N": "int64", "T": "double", "P": "string", "v": "double"},
        **{"b": "string", "t": "string", "n": "double", "i": "int64", "seconds": "double"},
        **dict.fromkeys(("device", "worker", "status", "error"), "string"),
        "peak_bytes": "int64",
    }
    first, second, third = table.to_pylist()
    assert (first["case"], first["T"], first["P"], first["b"]) == ("001", 0.9, "007", "true")
    assert second["v"] == math.inf and math.isnan(third["n"]) and third["v"] is None
    assert third["i"] == 3


def test_rows_are_iterated_and_never_held(tmp_path: Path) -> None:
    """At most a group of rows exists at a time, however many there are."""
    alive = most = 0

    class Counted(dict[str, object]):
        def __init__(self) -> None:
            nonlocal alive, most
            super().__init__(v=1.0, sizes=[1.0])
            alive += 1
            most = max(most, alive)

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    class Rows:
        def __iter__(self) -> Iterator[Row]:
            return (Row(f"c{n}", (), Counted()) for n in range(5000))

    for suffix in (".csv", ".jsonl"):
        write_table(tmp_path / f"t{suffix}", Rows())
    assert most < 10 and len(csv_rows(tmp_path / "t.csv")) == 5000
    if find_spec("pyarrow"):
        write_table(tmp_path / "t.parquet", Rows())
        assert most < 10


def test_a_table_that_cannot_be_written_leaves_the_former_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_table(tmp_path / "t.csv", ROWS)
    before = (tmp_path / "t.csv").read_bytes()

    class Broken:
        def __iter__(self) -> Iterator[Row]:
            yield ROWS[0]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_table(tmp_path / "t.csv", Broken())
    assert (tmp_path / "t.csv").read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["t.csv"]
