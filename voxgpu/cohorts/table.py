"""The table of a cohort as a file: CSV, JSON lines or Parquet, written as a whole."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from voxgpu.cohorts.column_types import (
    cell,
    kind_of_column,
    kind_of_text,
    kind_of_value,
    typed,
)
from voxgpu.cohorts.row import Row
from voxgpu.files.errors import FileError
from voxgpu.files.whole_file import whole_file
from voxgpu.frozen import frozen

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")

#: Columns after the case, the swept variables and what was printed.
TRAILING_COLUMNS = ("seconds", "peak_bytes", "device", "worker", "status", "error")

#: In front of swept variables and labels that are named as other columns are.
SWEPT, PRINTED = "swept:", "printed:"

#: The metadata of Parquet files that has the names and columns of the swept variables.
SWEPT_KEY = "voxgpu swept"

#: Rows whose columns are most likely those of all.
_FIRST = 1000

#: Rows that are turned into a group of a Parquet file at a time.
_GROUP = 20_000


@frozen
class Columns:
    """The columns of a table: which of them have the swept variables and labels."""

    swept: Mapping[str, str]
    printed: Mapping[str, str]

    @property
    def names(self) -> list[str]:
        """All columns, in their order."""
        return ["case", *self.swept.values(), *self.printed.values(), *TRAILING_COLUMNS]

    def record(self, row: Row) -> dict[str, Any]:
        """The values that a row has, by column. Raises KeyError for one without a column."""
        return {
            "case": row.case,
            **{self.swept[name]: value for name, value in row.combination},
            **{self.printed[label]: value for label, value in row.printed.items()},
            "seconds": row.seconds,
            "peak_bytes": row.peak,
            "device": row.device,
            "worker": row.worker,
            "status": row.status,
            "error": row.error,
        }


def columns_of(rows: Iterable[Row]) -> Columns:
    """The columns of rows.

    A swept variable that is named as a column is, such as ``seconds``, has ``swept:`` in front, a
    label ``printed:``.
    """
    names: dict[str, None] = {}
    labels: dict[str, None] = {}
    for row in rows:
        names |= dict.fromkeys(name for name, _ in row.combination)
        labels |= dict.fromkeys(row.printed)
    return named_columns(names, labels)


def typed_columns(rows: Iterable[Row]) -> tuple[Columns, dict[str, str]]:
    """The columns of rows, and the kind of each: ``bool``, ``int``, ``float`` or ``str``."""
    names: dict[str, set[str]] = {}
    labels: dict[str, set[str]] = {}
    for row in rows:
        for name, text in row.combination:
            names.setdefault(name, set()).add(kind_of_text(text))
        for label, value in row.printed.items():
            labels.setdefault(label, set()).add(kind_of_value(value))
    columns = named_columns(names, labels)
    kinds = dict.fromkeys(("case", "device", "worker", "status", "error"), "str")
    kinds |= {"seconds": "float", "peak_bytes": "int"}
    kinds |= {columns.swept[name]: kind_of_column(each) for name, each in names.items()}
    kinds |= {columns.printed[label]: kind_of_column(each) for label, each in labels.items()}
    return columns, kinds


def named_columns(names: Iterable[str], labels: Iterable[str]) -> Columns:
    """The columns of these swept variables and labels; see `columns_of`."""
    taken = {"case", *TRAILING_COLUMNS}
    swept = {name: _free(name, SWEPT, taken) for name in names}
    # Labels that are free keep their names, whatever others are renamed to.
    free = {label for label in labels if label not in taken}
    taken |= free
    printed = {each: each if each in free else _free(each, PRINTED, taken) for each in labels}
    return Columns(swept, printed)


def _free(name: str, prefix: str, taken: set[str]) -> str:
    while name in taken:
        name = prefix + name
    taken.add(name)
    return name


def write_table(path: Path, rows: Iterable[Row]) -> None:
    """Write the rows in their order; the file appears as a whole or not at all.

    rows  a list, or another collection that can be iterated twice

    Raises FileError where it cannot be written, or an extra is missing for its format.
    """
    writers = {
        ".csv": lambda target: _write_separated(target, rows, ","),
        ".tsv": lambda target: _write_separated(target, rows, "\t"),
        ".jsonl": lambda target: _write_lines(target, rows),
        ".parquet": lambda target: _write_parquet(target, rows),
    }
    suffix = path.suffix.lower()
    if suffix not in writers:
        raise FileError(str(path), f"tables end in {', '.join(SUFFIXES)}", "", "write")
    if suffix == ".parquet":
        parquet_library()  # before anything is written
    with whole_file(path) as temporary:
        writers[suffix](temporary)


def _write_separated(path: Path, rows: Iterable[Row], delimiter: str) -> None:
    def write(columns: Columns) -> None:
        names = columns.names
        with _text_file(path) as file:
            writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
            writer.writerow(names)
            for row in rows:
                record = columns.record(row)
                writer.writerow([cell(record.get(name, "")) for name in names])

    _with_columns(rows, write)


def _write_lines(path: Path, rows: Iterable[Row]) -> None:
    def write(columns: Columns) -> None:
        with _text_file(path) as file:
            for row in rows:
                file.write(json.dumps(columns.record(row), ensure_ascii=False) + "\n")

    _with_columns(rows, write)


def _text_file(path: Path) -> TextIO:
    # Names of files that are no text are written as Python shows them.
    return path.open("w", encoding="utf-8", errors="backslashreplace", newline="")


def _with_columns(rows: Iterable[Row], write: Callable[[Columns], None]) -> None:
    """Write rows with the columns of the first ones; rewrite the table if others have more."""
    try:
        write(columns_of(islice(rows, _FIRST)))
    except KeyError:
        write(columns_of(rows))


def parquet_library() -> Any:
    """``pyarrow.parquet``. Raises FileError if it is not installed."""
    try:
        return import_module("pyarrow.parquet")
    except ImportError:
        hint = "pip install 'voxgpu[parquet]', or name a .csv or .jsonl file"
        raise FileError("a Parquet table", "it needs pyarrow", hint, "write") from None


def _write_parquet(path: Path, rows: Iterable[Row]) -> None:
    import pyarrow

    columns, kinds = typed_columns(rows)
    types = {"bool": pyarrow.bool_(), "int": pyarrow.int64(), "float": pyarrow.float64()}
    schema = pyarrow.schema(
        [(name, types.get(kinds[name], pyarrow.string())) for name in columns.names],
        metadata={SWEPT_KEY: json.dumps(dict(columns.swept))},
    )
    rest = iter(rows)
    with parquet_library().ParquetWriter(path, schema) as writer:
        while group := [columns.record(row) for row in islice(rest, _GROUP)]:
            arrays = [
                pyarrow.array([typed(kinds[each.name], r.get(each.name)) for r in group], each.type)
                for each in schema
            ]
            writer.write_table(pyarrow.table(arrays, schema=schema))
