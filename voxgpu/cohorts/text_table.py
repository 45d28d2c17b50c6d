"""Tables that users write: CSV, or TSV by the suffix, whose columns are program variables."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from voxgpu.files.errors import FileError
from voxgpu.frozen import frozen


@frozen(slots=True)
class TextTable:
    """The names of the columns, and the values of each row; blank lines are left out."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def read_text_table(path: Path, content: str) -> TextTable:
    """Read the table in a file; ``content`` says what it lists, such as ``cases``.

    Raises FileError where the file cannot be read, a column is no name or there twice, or a row
    has too few or too many values.
    """
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [line for line in csv.reader(file, delimiter=delimiter) if any(line)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileError(str(path), f"it is no table of {content}: {error}") from None
    columns, *rows = [tuple(each.strip() for each in line) for line in lines] or [()]
    problem = next(_problems(columns, rows), None)
    if problem is not None:
        raise FileError(str(path), *problem)
    return TextTable(columns, tuple(rows))


def _problems(
    columns: Sequence[str], rows: Sequence[Sequence[str]]
) -> Iterator[tuple[str] | tuple[str, str]]:
    """What is wrong, and what to do about it."""
    for column, times in Counter(columns).items():
        if not column.isidentifier():
            hint = "columns are named with letters, digits and _"
            yield f"`{column}` is no name of a program variable", hint
        if times > 1:
            yield (f"it has {times} columns `{column}`",)
    for number, row in enumerate(rows, start=2):
        if len(row) != len(columns):
            yield (f"line {number} has {len(row)} values, for {len(columns)} columns",)
