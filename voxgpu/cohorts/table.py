"""The table of a cohort as a file: CSV, JSON lines or Parquet, written as a whole."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from voxgpu.cohorts.row import Row
from voxgpu.files.errors import FileError
from voxgpu.temporary_files import new_file

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")

#: Columns after the case, the swept variables and what was printed.
_LAST = ("seconds", "peak_bytes", "device", "worker", "status", "error")


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Writes the rows in their order; the file appears as a whole or not at all.

    Raises FileError where it cannot be written, or an extra is missing for its format.
    """
    columns, records = records_of(rows)
    suffix = path.suffix.lower()
    writers = {
        ".csv": lambda: _separated(columns, records, ","),
        ".tsv": lambda: _separated(columns, records, "\t"),
        ".jsonl": lambda: _lines(records),
        ".parquet": lambda: _parquet(columns, records),
    }
    if suffix not in writers:
        raise FileError(str(path), f"tables end in {', '.join(SUFFIXES)}", "", "write")
    content = writers[suffix]()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = new_file(path.parent, path.name)
        try:
            file.path.write_bytes(content)
            file.become(path)
        finally:
            file.remove()
    except OSError as error:
        raise FileError(str(path), error.strerror or str(error), "", "write") from None


def records_of(rows: Sequence[Row]) -> tuple[list[str], list[dict[str, Any]]]:
    """The columns, and for each row the values it has.

    A label that is also a column of its own, such as ``status``, gets ``printed:`` in front.
    """
    swept = dict.fromkeys(name for row in rows for name, _ in row.combination)
    taken = {"case", *swept, *_LAST}
    names = {
        label: f"printed:{label}" if label in taken else label
        for label in dict.fromkeys(label for row in rows for label in row.printed)
    }
    records = [
        {
            "case": row.case,
            **dict(row.combination),
            **{names[label]: value for label, value in row.printed.items()},
            "seconds": row.seconds,
            "peak_bytes": row.peak,
            "device": row.device,
            "worker": row.worker,
            "status": row.status,
            "error": row.error,
        }
        for row in rows
    ]
    return ["case", *swept, *names.values(), *_LAST], records


def _separated(columns: Sequence[str], records: Sequence[dict[str, Any]], delimiter: str) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(columns)
    for record in records:
        writer.writerow([_text(record.get(column, "")) for column in columns])
    return text.getvalue().encode()


def _text(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | bool) else value


def _lines(records: Sequence[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in records).encode()


def _parquet(columns: Sequence[str], records: Sequence[dict[str, Any]]) -> bytes:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        hint = "pip install 'voxgpu[parquet]', or name a .csv or .jsonl file"
        raise FileError("a Parquet table", "it needs pyarrow", hint, "write") from None
    arrays = [_column([record.get(column) for record in records]) for column in columns]
    target = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(arrays, names=list(columns)), target)
    return target.getvalue()


def _column(values: list[Any]) -> Any:
    """A column of one type: numbers with NaN and infinities as such, else texts."""
    import pyarrow

    odd = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}
    numbers = [odd.get(each, each) if isinstance(each, str) else each for each in values]
    if all(each is None or (isinstance(each, int | float)) for each in numbers):
        if all(each is None or isinstance(each, bool) for each in numbers):
            return pyarrow.array(numbers, pyarrow.bool_())
        if all(each is None or isinstance(each, int) for each in numbers):
            return pyarrow.array(numbers, pyarrow.int64())
        return pyarrow.array([None if each is None else float(each) for each in numbers])
    texts = [json.dumps(each) if isinstance(each, list | bool) else each for each in values]
    return pyarrow.array([None if each is None else str(each) for each in texts])
