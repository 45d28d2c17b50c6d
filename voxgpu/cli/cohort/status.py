"""``voxgpu cohort --status``: how far a cohort is, from another shell, or after it ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.cohort.table import SOME_FAILED
from voxgpu.cli.options import option_group
from voxgpu.cohorts.file_errors import file_errors

if TYPE_CHECKING:
    from voxgpu.cohorts.row import Row
    from voxgpu.cohorts.status import JournalStatus
    from voxgpu.cohorts.summary import FailureGroup

#: Journals, kinds of failures, and letters of a message that are shown at most.
_MOST_JOURNALS, _MOST_FAILURES, _MOST_LETTERS = 10, 10, 300

#: Adds the options that tell how far a cohort is.
with_status = option_group(
    click.option(
        "--status",
        is_flag=True,
        help="Tell how far a cohort is whose journals or table are given in place of PROGRAM "
        "(default: the table of --table).",
    ),
    click.option("--json", "as_json", is_flag=True, help="With --status: as one JSON object."),
)


def tell_status(arguments: dict[str, Any]) -> int:
    """Print how far a cohort is; return the exit status.

    That is 0 while it runs and where all rows have values, and 3 where it does not run and rows
    failed or are left.
    """
    from voxgpu.cohorts.status import (
        RUNNING,
        as_json,
        journals_of,
        of_one_division,
        status_of,
        together,
    )
    from voxgpu.cohorts.summary import collected

    names: Sequence[Path] = arguments["program"] or [arguments["table"]]
    with file_errors("E303"):
        paths = dict.fromkeys(path for name in names for path in journals_of(name))
        parts = of_one_division(status_of(each) for each in paths)
    failures = collected(row for each in parts for row in each.wrong).failures()
    if arguments["as_json"]:
        click.echo(as_json(parts, failures))
    else:
        _print(parts, failures)
    standing = together(parts)
    if any(each.state == RUNNING for each in parts):
        return 0
    return SOME_FAILED if standing.failed or standing.left else 0


def _print(parts: Sequence[JournalStatus], failures: Sequence[FailureGroup]) -> None:
    from voxgpu.cohorts.status import ENDED, missing_parts, together

    if len(parts) == 1:
        click.echo(_line(parts[0]))
    else:
        states = Counter(each.state for each in parts)
        said = [f"{count} {state}" for state, count in states.items()]
        missing = missing_parts(parts)
        if missing:
            shown = ", ".join(map(str, missing[:10])) + (" …" if missing[10:] else "")
            said.append(f"{len(missing)} not begun ({shown})")
        click.echo(f"{len(parts) + len(missing)} parts: {', '.join(said)}")
        # Those that need somebody first.
        unfinished = sorted((each for each in parts if each.state != ENDED), key=_urgency)
        for each in unfinished[:_MOST_JOURNALS]:
            click.echo(f"  {_line(each)}: {each.standing}")
    click.echo(str(together(parts)))
    for group in failures[:_MOST_FAILURES]:
        more = f" and {len(group.cases) - 3} more" if group.cases[3:] else ""
        click.echo(f"  failed: {', '.join(group.cases[:3])}{more}: {_short(group.message)}")
    if failures[_MOST_FAILURES:]:
        click.echo(f"  failed otherwise: {len(failures) - _MOST_FAILURES} kinds")
    if len(parts) == 1:
        for row in parts[0].last:
            click.echo(f"  last: {_row(row)}")


def _urgency(part: JournalStatus) -> bool:
    from voxgpu.cohorts.status import RUNNING

    return part.state == RUNNING


def _line(part: JournalStatus) -> str:
    from voxgpu.cohorts.status import RUNNING, UNKNOWN
    from voxgpu.cohorts.tally import duration

    begin, lived = part.begin, duration(part.lived)
    slurm = begin.get("slurm", {})
    where = f" on {begin['host']}, process {begin['pid']}" if "host" in begin else ""
    if "job_id" in slurm:
        where += f", job {slurm['job_id']}"
    if part.state == RUNNING:
        text = f"running{where}, for {lived}"
    elif part.state == UNKNOWN:
        text = "whether it runs is not known"
    else:
        text = f"{part.state}{where}, after {lived}"
    return f"{part.path}: {text}"


def _row(row: Row) -> str:
    swept = ",".join(f"{name}={value}" for name, value in row.combination)
    printed = " ".join(f"{label}={value}" for label, value in row.printed.items())
    what = printed if row.is_done else row.error
    parts = (row.case, swept, row.status, f"{row.seconds:.3g} s", _short(what))
    return "  ".join(each for each in parts if each)


def _short(text: str) -> str:
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}…"
