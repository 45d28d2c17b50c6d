"""Options of the table, and what is said of its rows in the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.cohort.bids import chosen_labels
from voxgpu.cli.cohort.summary import check_summary, show_summary
from voxgpu.cli.options import UserPath, option_group
from voxgpu.cli.terminal import print_stderr
from voxgpu.cli.written_files import COHORT_LOG, check_appended, check_written_files
from voxgpu.cohorts.file_errors import file_errors

if TYPE_CHECKING:
    from voxgpu.cohorts.run import Cohort
    from voxgpu.cohorts.summary import Collected

#: Exit status if the cohort was run and some of its cases failed.
SOME_FAILED = 3

#: Other files that a cohort writes, by their options.
_FILES = {"--log": "log", "--summary-file": "summary_file", "--report": "report"}

#: Adds the options of the table.
with_table = option_group(
    click.option(
        "--table",
        type=UserPath(path_type=Path, readable=False),
        metavar="FILE",
        help="Where the table goes: .csv, .tsv, .jsonl or .parquet (default: cohort.csv; with "
        "--bids in the folder logs of the output). Rows are kept in FILE.journal as they finish.",
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


def default_table(arguments: dict[str, Any]) -> Path:
    """Where the table goes if nothing is said: for a BIDS derivative among its logs."""
    if not arguments["bids"]:
        return Path("cohort.csv")
    chosen = chosen_labels(arguments)
    return Path(arguments["output"], "logs", f"cohort.{chosen}.csv" if chosen else "cohort.csv")


def check_cohort_files(arguments: dict[str, Any], is_of_tables: bool) -> None:
    """Raise BadParameter for files that would damage what is read, or each other.

    is_of_tables  tables that exist are summarized: no table is written
    """
    from voxgpu.cohorts.part import journal_beside

    files = {each: arguments[name] for each, name in _FILES.items()}
    writes_table = not (is_of_tables or arguments["status"])
    if writes_table:
        files["--table"] = arguments["table"]
    if writes_table and not arguments["merge"]:
        files["the journal of --table"] = journal_beside(arguments["table"])
    named = (arguments["sweep_file"], arguments["cases"])
    needed = [Path(each) for each in named if each]
    check_written_files(files, [*needed, *arguments["program"], *arguments["primitives"]])
    check_appended(arguments["log"], COHORT_LOG, "--log")


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
    from voxgpu.cohorts.merged_rows import MergedRows
    from voxgpu.cohorts.part import parts_missing
    from voxgpu.cohorts.summary import collected
    from voxgpu.cohorts.table import write_table

    check_summary(arguments)
    journals: Sequence[Path] = arguments["program"]
    if not journals:
        raise click.UsageError("--merge takes journals: voxgpu cohort --merge *.journal")
    with file_errors("E303"):
        rows = MergedRows(journals)
        write_table(arguments["table"], rows)
    found = collected(rows)
    status = say_rows(arguments["table"], found, arguments["quiet"])
    lacking, count = parts_missing(journals)
    if lacking:
        shown = ", ".join(map(str, lacking[:10])) + (", …" if lacking[10:] else "")
        print_stderr(f"warning: {len(lacking)} of {count} parts have no journal: {shown}")
    show_summary(arguments, found)
    return status


def say_rows(table: Path, found: Collected, quiet: bool) -> int:
    """Say what the table has; return the exit status."""
    if not quiet:
        print_stderr(f"saved {table}: {found.rows} rows, {found.failed} failed")
        for group in found.failures()[:10]:
            more = f" and {len(group.cases) - 3} more" if group.cases[3:] else ""
            print_stderr(f"  {', '.join(group.cases[:3])}{more}: {group.message}")
    return SOME_FAILED if found.failed else 0
