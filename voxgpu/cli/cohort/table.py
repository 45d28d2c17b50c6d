"""Options of the table, and what is said of its rows in the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from voxgpu.cli.cohort.cases import file_errors
from voxgpu.cli.options import UserPath
from voxgpu.cli.terminal import print_stderr

if TYPE_CHECKING:
    from voxgpu.cohorts.row import Row
    from voxgpu.cohorts.run import Cohort

#: Exit status if the cohort was run and some of its cases failed.
SOME_FAILED = 3

_Command = TypeVar("_Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--table",
        type=UserPath(path_type=Path, readable=False),
        default=Path("cohort.csv"),
        metavar="FILE",
        help="Where the table goes: .csv, .tsv, .jsonl or .parquet (default: cohort.csv). Rows "
        "are kept in FILE.journal as they finish.",
    ),
    click.option(
        "--resume/--no-resume",
        default=True,
        help="Go on from the journal, if it is of the same program, definitions and sweep "
        "(default).",
    ),
    click.option(
        "--merge",
        is_flag=True,
        help="Write one table of journals, which are given in place of PROGRAM; run nothing.",
    ),
)


def with_table(command: _Command) -> _Command:
    """Add the options of the table."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def table_of(arguments: dict[str, Any], cohort: Cohort) -> Path:
    """The path of the table, or of that of the part. Raises BadParameter for unknown formats."""
    from voxgpu.cohorts.part import table_of_part
    from voxgpu.cohorts.table import SUFFIXES

    table: Path = arguments["table"]
    if table.suffix.lower() not in SUFFIXES:
        raise click.BadParameter(f"a table ends in {', '.join(SUFFIXES)}", param_hint="--table")
    return table if cohort.part is None else table_of_part(table, *cohort.part)


def merge(arguments: dict[str, Any]) -> int:
    """Write one table of several journals; return the exit status."""
    from voxgpu.cohorts.journal import merged, read_journal
    from voxgpu.cohorts.table import write_table
    from voxgpu.files.errors import FileError

    journals: Sequence[Path] = arguments["program"]
    if not journals:
        raise click.UsageError("--merge takes journals: voxgpu cohort --merge *.journal")
    with file_errors("E303"):
        read = [read_journal(each) for each in journals]
        for path, (about, _) in zip(journals[1:], read[1:], strict=True):
            if about != read[0][0]:
                reason = f"it is of another program, definitions or sweep than `{journals[0]}`"
                raise FileError(str(path), reason)
        rows = merged(row for _, found in read for row in found)
        write_table(arguments["table"], rows)
    return say_rows(arguments["table"], rows, arguments["quiet"])


def say_rows(table: Path, rows: Sequence[Row], quiet: bool) -> int:
    """Say what the table has; return the exit status."""
    from voxgpu.cohorts.row import FAILED
    from voxgpu.cohorts.run import by_error

    failed = [each for each in rows if each.status == FAILED]
    if not quiet:
        print_stderr(f"saved {table}: {len(rows)} rows, {len(failed)} failed")
        for text, names in by_error(failed)[:10]:
            shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if names[3:] else "")
            print_stderr(f"  {shown}: {text}")
    return SOME_FAILED if failed else 0
