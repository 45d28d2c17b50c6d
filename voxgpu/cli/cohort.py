"""``voxgpu cohort``: one program over many cases and combinations of its variables."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.options import (
    UserPath,
    device_memory_option,
    device_option,
    options_of,
    options_without_program,
    source_of,
)
from voxgpu.cli.parameter_types import SIZE
from voxgpu.cli.store_options import store_options_of, with_store
from voxgpu.cli.terminal import print_diagnostics, print_stderr, progress
from voxgpu.diagnostics import Diagnostic, ImgqlError

if TYPE_CHECKING:
    from voxgpu.cohort.cases import Case
    from voxgpu.cohort.evaluate import Program
    from voxgpu.cohort.journal import Journal
    from voxgpu.cohort.row import Row
    from voxgpu.cohort.run import Places
    from voxgpu.cohort.sweep import Combination
    from voxgpu.session_settings import SessionSettings

#: Exit status if the cohort was run and some of its cases failed.
SOME_FAILED = 3

_TABLES = (".csv", ".tsv")


@click.command()
@click.argument("program", type=UserPath(path_type=Path), nargs=-1, metavar="PROGRAM")
@options_without_program
@click.option(
    "--cases",
    metavar="PATTERN|TABLE",
    help="A quoted pattern, each match of which is a case, such as 'data/*/'; or a table "
    "(.csv, .tsv) with a row for each case and a column for each program variable.",
)
@click.option(
    "--sweep",
    multiple=True,
    metavar="NAME=FIRST:LAST:STEP",
    help="Let $NAME take these values, both ends included, or those of NAME=A,B,C; repeatable: "
    "all combinations.",
)
@click.option(
    "--sweep-file",
    type=UserPath(path_type=Path),
    metavar="FILE",
    help="Take combinations from a table (.csv) with a column for each variable.",
)
@click.option(
    "--table",
    type=UserPath(path_type=Path, readable=False),
    default=Path("cohort.csv"),
    metavar="FILE",
    help="Where the table goes: .csv, .tsv, .jsonl or .parquet (default: cohort.csv). Rows are "
    "kept in FILE.journal as they finish.",
)
@click.option(
    "--resume/--no-resume",
    default=True,
    help="Go on from the journal, if it is of the same program, definitions and sweep (default).",
)
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Run cases in so many processes of dask.distributed at once (0: in this one, which is "
    "the default).",
)
@click.option(
    "--part",
    metavar="I/N",
    help="Run every N-th case from the I-th, with a table and a journal of its own; in a job array "
    "of SLURM that is the default.",
)
@click.option(
    "--merge",
    is_flag=True,
    help="Write one table of journals, which are given in place of PROGRAM; run nothing.",
)
@click.option("--list", "only_list", is_flag=True, help="Show the cases, and run nothing.")
@click.option("--check", is_flag=True, help="Tell what is wrong for which case, and run nothing.")
@device_option("On what to compute; auto: what is faster; reference: with NumPy and SciPy, slowly.")
@click.option(
    "--threads", type=click.IntRange(min=1), help="How many threads compute (default: one a core)."
)
@click.option(
    "--memory",
    type=SIZE,
    metavar="SIZE",
    help="What the process may take, such as 4G; values beyond it wait on the disk.",
)
@device_memory_option
@with_store
@click.option("-q", "--quiet", is_flag=True, help="No progress, and not how many rows there are.")
def command(**given: Any) -> int:
    """Run PROGRAM for each case of a cohort; write a table of all that it prints.

    In the program $CASE is the path of the case and $NAME its name; values of -D may use {path},
    {name}, {parent} and the columns of a table, as in -D FLAIR='{path}/{name}_flair.nii.gz'. Files
    that are saved go to a folder of the case, with a folder for each combination of a sweep below.
    A case that fails is a row with its error, and the others go on. Exit status: 0 all rows are
    there, 3 some cases failed, 1 nothing could be run, 2 wrong usage.
    """
    from voxgpu.cohort.part import part_asked, part_of, table_of_part
    from voxgpu.cohort.run import Places

    try:
        if given["merge"]:
            return _merge(given["program"], given["table"], given["quiet"])
        if len(given["program"]) != 1 or not given["cases"]:
            quote = "" if len(given["program"]) < 2 else "; quote the pattern: --cases 'data/*/'"
            raise click.UsageError(f"give one PROGRAM, and --cases{quote}")
        (given["program"],) = given["program"]
        cases, combinations = _cases(given["cases"]), _combinations(given)
        places = Places(cases, combinations)
        part = part_asked(given["part"], os.environ)
        if part is not None:
            cases = part_of(cases, *part)
            given["table"] = table_of_part(given["table"], *part)
        if given["only_list"]:
            return _list(cases, len(combinations))
        from voxgpu.cohort.evaluate import Program

        program = Program(source_of(given), given["program"], options_of(given))
        if given["check"]:
            return _check(program, cases, combinations)
        return _run(program, cases, combinations, places, given)
    except ImgqlError as error:
        print_diagnostics(error.diagnostics)
        return 1


def _cases(text: str) -> list[Case]:
    from voxgpu.cohort.cases import matching_cases, table_cases

    is_table = Path(text).suffix.lower() in _TABLES
    with _file_errors("E201"):
        found = table_cases(Path(text)) if is_table else matching_cases(text)
    if not found:
        hint = "quote the pattern, so that the shell leaves it alone: --cases 'data/*/'"
        message = f"`{text}` has no rows" if is_table else f"nothing matches `{text}`"
        raise ImgqlError([Diagnostic("E201", message, help="" if is_table else hint)])
    return found


def _combinations(given: dict[str, Any]) -> list[Combination]:
    from voxgpu.cohort.sweep import combinations, parse_sweep, read_combinations

    if given["sweep"] and given["sweep_file"]:
        raise click.UsageError("give --sweep or --sweep-file, not both")
    if given["sweep_file"]:
        with _file_errors("E201"):
            found = read_combinations(given["sweep_file"])
    else:
        try:
            found = combinations([parse_sweep(each) for each in given["sweep"]])
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--sweep") from None
    both = sorted({name for name, _ in found[0]} & given["define"].keys())
    if both:
        names = ", ".join(f"`{each}`" for each in both)
        raise click.UsageError(f"{names} cannot be swept and defined with -D")
    return found


def _list(cases: Sequence[Case], combinations: int) -> int:
    for each in cases:
        values = " ".join(f"{name}={value}" for name, value in each.values.items())
        click.echo("  ".join(part for part in (each.name, each.path, values) if part))
    rows = f", {len(cases) * combinations} rows" if combinations > 1 else ""
    print_stderr(f"{len(cases)} cases{rows}")
    return 0


def _check(program: Program, cases: Sequence[Case], combinations: Sequence[Combination]) -> int:
    from voxgpu.cohort.run import checked

    wrong = 0
    for case, errors in checked(program, cases, combinations):
        if errors:
            wrong += 1
            click.echo(f"{case.name}:")
            for each in errors:
                click.echo("  " + str(each).replace("\n", "\n  "))
    print_stderr(f"{len(cases)} cases, {wrong} with errors")
    return 1 if wrong else 0


def _run(
    program: Program,
    cases: Sequence[Case],
    combinations: Sequence[Combination],
    places: Places,
    given: dict[str, Any],
) -> int:
    from voxgpu.cohort.journal import Journal
    from voxgpu.cohort.run import about, left_of
    from voxgpu.cohort.table import SUFFIXES
    from voxgpu.session_settings import SessionSettings

    table: Path = given["table"]
    if table.suffix.lower() not in SUFFIXES:
        raise click.BadParameter(f"a table ends in {', '.join(SUFFIXES)}", param_hint="--table")
    settings = SessionSettings(
        device=given["device"],
        threads=given["threads"],
        memory=given["memory"],
        device_memory=given["device_memory"],
        store=store_options_of(given),
        output=given["output"],
        roots=program.options.roots,
        keep_images=False,
    )
    path = table.with_name(f"{table.name}.journal")
    with (
        _file_errors("E303"),
        Journal(path, about(program, combinations), given["resume"]) as journal,
    ):
        if journal.started_anew is not None:
            print_stderr(f"a new journal; the former one is `{journal.started_anew}`")
        left = left_of(cases, combinations, journal.rows)
        total = len(cases) * len(combinations)
        known = total - sum(len(each) for _, each in left)
        if known and not given["quiet"]:
            print_stderr(f"{known} of {total} rows are there already")
        try:
            with progress(not given["quiet"]) as bar:
                done = known

                def note(row: Row) -> None:
                    nonlocal done
                    journal.add(places.placed(row))
                    done += 1
                    bar.show(row.case, done, total)

                workers = min(given["workers"], len(left))
                _compute(program, left, settings, workers, note)
        finally:
            _write(table, journal, cases, combinations)
        return _told(table, _rows(journal, cases, combinations), given["quiet"])


def _compute(
    program: Program,
    left: Sequence[tuple[Case, Sequence[Combination]]],
    settings: SessionSettings,
    workers: int,
    note: Callable[[Row], None],
) -> None:
    """Runs what is left, in this process or in workers."""
    if workers:
        from voxgpu.backends.thread_pool import usable_cores
        from voxgpu.cohort.workers import local_cluster, run_on_workers, settings_of_worker

        share = settings_of_worker(settings, workers, usable_cores())
        with local_cluster(workers) as client:
            run_on_workers(client, program, left, share, note)
        return
    from voxgpu.cohort.evaluate import CaseSession
    from voxgpu.cohort.run import run_here

    with CaseSession(settings) as session:
        run_here(program, left, session, note)


@contextmanager
def _file_errors(code: str) -> Iterator[None]:
    """Turns what is wrong with a file into a diagnostic of this code."""
    from voxgpu.files.errors import FileError

    try:
        yield
    except FileError as error:
        raise ImgqlError([Diagnostic(code, str(error), help=error.help)]) from None


def _merge(journals: Sequence[Path], table: Path, quiet: bool) -> int:
    from voxgpu.cohort.journal import merged, read_journal
    from voxgpu.cohort.table import write_table
    from voxgpu.files.errors import FileError

    if not journals:
        raise click.UsageError("--merge takes journals: voxgpu cohort --merge *.journal")
    with _file_errors("E303"):
        read = [read_journal(each) for each in journals]
        for path, (about, _) in zip(journals[1:], read[1:], strict=True):
            if about != read[0][0]:
                reason = f"it is of another program, definitions or sweep than `{journals[0]}`"
                raise FileError(str(path), reason)
        rows = merged(row for _, found in read for row in found)
        write_table(table, rows)
    return _told(table, rows, quiet)


def _write(
    table: Path, journal: Journal, cases: Sequence[Case], combinations: Sequence[Combination]
) -> None:
    """Write the table, even if the run was interrupted."""
    from voxgpu.cohort.table import write_table

    write_table(table, _rows(journal, cases, combinations))


def _rows(
    journal: Journal, cases: Sequence[Case], combinations: Sequence[Combination]
) -> list[Row]:
    """The available rows of these cases and combinations, in their order."""
    keys = ((case.name, each) for case in cases for each in combinations)
    return [journal.rows[key] for key in keys if key in journal.rows]


def _told(table: Path, rows: Sequence[Row], quiet: bool) -> int:
    """Says what the table has; returns the exit status."""
    from voxgpu.cohort.row import FAILED

    failed = [each for each in rows if each.status == FAILED]
    if not quiet:
        print_stderr(f"saved {table}: {len(rows)} rows, {len(failed)} failed")
        for text, names in _by_error(failed)[:10]:
            shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if names[3:] else "")
            print_stderr(f"  {shown}: {text}")
    return SOME_FAILED if failed else 0


def _by_error(failed: Sequence[Row]) -> list[tuple[str, list[str]]]:
    """Error messages, most frequent first, each with the cases that failed with it."""
    found: dict[str, list[str]] = {}
    for row in failed:
        names = found.setdefault(row.error.replace(row.case, "…"), [])
        if row.case not in names:
            names.append(row.case)
    return sorted(found.items(), key=lambda each: -len(each[1]))
