"""Rows of cohorts read back: from a journal, or from a table that was written of one."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import Any

from voxgpu.cohorts.column_types import sequence_of, value_of
from voxgpu.cohorts.journal import merged, read_journal
from voxgpu.cohorts.merged_rows import MergedRows
from voxgpu.cohorts.part import journal_beside
from voxgpu.cohorts.row import STATUSES, Row
from voxgpu.cohorts.table import (
    PRINTED,
    SUFFIXES,
    SWEPT,
    SWEPT_KEY,
    TRAILING_COLUMNS,
    named_columns,
    parquet_library,
)
from voxgpu.files.errors import FileError
from voxgpu.frozen import frozen

_KIND = "it is no table and no journal of `voxgpu cohort`"


def read_rows(paths: Sequence[Path]) -> Sequence[Row]:
    """The rows of journals and tables, one of each case and combination, in the order of a run.

    Raises FileError where a file is neither, or journals are of different programs.
    """
    if all(each.suffix.lower() not in SUFFIXES for each in paths):
        return MergedRows(paths)
    return merged(row for path in paths for row in _rows(path))


def _rows(path: Path) -> list[Row]:
    if path.suffix.lower() not in SUFFIXES:
        return read_journal(path)[1]
    table = _read(path)
    if table.columns[:1] != ["case"] or not {"status", "error"} <= set(table.columns):
        raise FileError(str(path), _KIND)
    columns = table.swept
    if columns is None:
        columns = _of_journal(path, table.columns) or _telling_apart(path, table)
    places: tuple[dict[Any, int], dict[Any, int]] = {}, {}
    rows = []
    for number, record in enumerate(table.records, start=2):
        try:
            row = _row(record, columns, table.is_of_texts)
        except (ValueError, TypeError, KeyError):
            raise FileError(str(path), f"line {number} is no row of a cohort") from None
        case = places[0].setdefault(row.case, len(places[0]))
        combination = places[1].setdefault(row.combination, len(places[1]))
        rows.append(replace(row, place=(case, combination)))
    return rows


@frozen
class _Table:
    """The contents of a table file.

    is_of_texts  whether the file says nothing of types
    swept        columns of swept variables by their names; None if the file does not say
    """

    columns: list[str]
    records: list[dict[str, Any]]
    is_of_texts: bool = False
    swept: dict[str, str] | None = None


def _row(record: Mapping[str, Any], swept: Mapping[str, str], is_of_texts: bool) -> Row:
    if record["status"] not in STATUSES:
        raise ValueError("no status")
    others = {"case", *swept.values(), *TRAILING_COLUMNS}
    printed = {}
    for column, text in record.items():
        if column in others:
            continue
        read = value_of if is_of_texts else sequence_of
        value = read(text) if isinstance(text, str) else text
        if value is not None:
            printed[_label(column, others)] = value
    return Row(
        _text(record["case"]),
        tuple((name, _text(record.get(column))) for name, column in swept.items()),
        printed,
        seconds=float(record.get("seconds") or 0),
        peak=int(float(record.get("peak_bytes") or 0)),
        device=_text(record.get("device")),
        worker=_text(record.get("worker")),
        status=record["status"],
        error=_text(record.get("error")),
    )


def _label(column: str, others: Set[str]) -> str:
    """The label of a column, which is another where it was renamed."""
    base = column
    while base.startswith(PRINTED):
        base = base.removeprefix(PRINTED)
    return column.removeprefix(PRINTED) if base in others else column


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _of_journal(path: Path, columns: Sequence[str]) -> dict[str, str] | None:
    """The columns of the swept variables that the journal beside a table names, if there is one."""
    try:
        with journal_beside(path).open("rb") as file:
            names = json.loads(file.readline())["about"]["swept"]
        found = dict(named_columns(names, ()).swept)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if set(found.values()) <= set(columns) else None


def _telling_apart(path: Path, table: _Table) -> dict[str, str]:
    """As many of the columns after that of the case as tell all rows apart."""
    for count in range(len(table.columns)):
        key = table.columns[: count + 1]
        seen = {tuple(_text(each.get(name)) for name in key) for each in table.records}
        if len(seen) == len(table.records):
            return {column.removeprefix(SWEPT): column for column in key[1:]}
    raise FileError(str(path), "it has a row twice")


def _read(path: Path) -> _Table:
    suffix = path.suffix.lower()
    try:
        if suffix == ".parquet":
            table = parquet_library().read_table(path)
            swept = (table.schema.metadata or {}).get(SWEPT_KEY.encode())
            columns = list(table.column_names)
            return _Table(
                columns, table.to_pylist(), swept=None if swept is None else json.loads(swept)
            )
        if suffix == ".jsonl":
            records = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]
            return _Table(list(dict.fromkeys(name for each in records for name in each)), records)
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, delimiter="\t" if suffix == ".tsv" else ",")
            return _Table(list(reader.fieldnames or ()), list(reader), is_of_texts=True)
    except OSError as error:
        raise FileError(str(path), error.strerror or str(error)) from None
    except (ValueError, TypeError, AttributeError, csv.Error):
        raise FileError(str(path), _KIND) from None
