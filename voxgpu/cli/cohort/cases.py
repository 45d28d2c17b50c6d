"""Options that say what runs: the cases, the combinations of swept variables, and the part."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.cohort.bids import bids_cases_of, bids_names_of, with_bids
from voxgpu.cli.options import UserPath, option_group, options_of, source_of
from voxgpu.cli.terminal import print_stderr
from voxgpu.cohorts.file_errors import file_errors
from voxgpu.diagnostics import Diagnostic, ImgqlError

if TYPE_CHECKING:
    from voxgpu.cohorts.cases import Case
    from voxgpu.cohorts.run import Cohort
    from voxgpu.cohorts.sweep import Combination

_TABLES = (".csv", ".tsv")

#: Adds the options that say what runs.
with_cases = option_group(
    with_bids,
    click.option(
        "--cases",
        metavar="PATTERN|TABLE",
        help="A quoted pattern, each match of which is a case, such as 'data/*/'; or a table "
        "(.csv, .tsv) with a row for each case and a column for each program variable.",
    ),
    click.option(
        "--sweep",
        multiple=True,
        metavar="NAME=FIRST:LAST:STEP",
        help="Let $NAME take these values, both ends included, or those of NAME=A,B,C; "
        "repeatable: all combinations.",
    ),
    click.option(
        "--sweep-file",
        type=UserPath(path_type=Path),
        metavar="FILE",
        help="Take combinations from a table (.csv) with a column for each variable.",
    ),
    click.option(
        "--part",
        metavar="I/N",
        help="Run every N-th case from the I-th, with a table and a journal of its own; in a job "
        "array of SLURM that is the default.",
    ),
    click.option(
        "--list",
        "only_list",
        is_flag=True,
        help="Show the cases, and for each the files that are missing; run nothing.",
    ),
    click.option(
        "--check", is_flag=True, help="Tell what is wrong for which case, and run nothing."
    ),
)


def cohort_of(arguments: dict[str, Any]) -> Cohort:
    """The cohort of the options. Raises UsageError or ImgqlError where they do not name one."""
    from voxgpu.cohorts.evaluate import Program
    from voxgpu.cohorts.output_names import CaseFolders
    from voxgpu.cohorts.part import part_asked
    from voxgpu.cohorts.run import Cohort

    programs, bids = arguments["program"], arguments["bids"]
    if len(programs) != 1 or not (arguments["cases"] or bids):
        quote = "" if len(programs) < 2 else "; quote the pattern: --cases 'data/*/'"
        raise click.UsageError(f"give one PROGRAM, and --cases or --bids{quote}")
    if bids and arguments["cases"]:
        raise click.UsageError("give --cases or --bids, not both")
    with file_errors("E201"):
        cases = bids_cases_of(arguments) if bids else _cases(arguments["cases"])
    combinations = _combinations(arguments)
    part = part_asked(arguments["part"], os.environ)
    source = source_of({**arguments, "program": programs[0]})
    with file_errors("E202"):
        names = bids_names_of(arguments, programs[0], combinations) if bids else CaseFolders()
    # Nothing is written to list cases, nor where nobody has said yet where the derivative goes.
    is_reading = arguments["only_list"] or (bids and arguments["output"] == Path())
    options = options_of(arguments, writes=not is_reading)
    program = Program(source, programs[0], options, names, arguments["sidecar"])
    return Cohort(program, cases, combinations, part)


def _cases(text: str) -> list[Case]:
    from voxgpu.cohorts.cases import matching_cases, table_cases

    is_table = Path(text).suffix.lower() in _TABLES
    with file_errors("E201"):
        found = table_cases(Path(text)) if is_table else matching_cases(text)
    if not found:
        hint = "quote the pattern, so that the shell leaves it alone: --cases 'data/*/'"
        message = f"`{text}` has no rows" if is_table else f"nothing matches `{text}`"
        raise ImgqlError([Diagnostic("E201", message, help="" if is_table else hint)])
    return found


def _combinations(arguments: dict[str, Any]) -> list[Combination]:
    from voxgpu.cohorts.sweep import combinations, parse_sweep, read_combinations

    if arguments["sweep"] and arguments["sweep_file"]:
        raise click.UsageError("give --sweep or --sweep-file, not both")
    if arguments["sweep_file"]:
        with file_errors("E201"):
            found = read_combinations(arguments["sweep_file"])
    else:
        try:
            found = combinations([parse_sweep(each) for each in arguments["sweep"]])
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--sweep") from None
    both = sorted({name for name, _ in found[0]} & arguments["define"].keys())
    if both:
        names = ", ".join(f"`{each}`" for each in both)
        raise click.UsageError(f"{names} cannot be swept and defined with -D")
    return found


def list_cases(cohort: Cohort) -> int:
    """Print a line for each case, and one for each file that it lacks."""
    from voxgpu.cohorts.missing import missing_by_case

    incomplete = mistaken = 0
    for case, missing in missing_by_case(cohort):
        values = " ".join(f"{name}={value}" for name, value in case.values.items())
        click.echo("  ".join(part for part in (case.name, case.path, values) if part))
        for each in (*missing.files, *missing.variables):
            click.echo(f"  missing: {each}")
        for each in missing.unreadable:
            click.echo(f"  unreadable: {each}")
        incomplete += bool(missing.files or missing.variables or missing.unreadable)
        mistaken += missing.others
    cases, count = len(cohort.own_cases), len(cohort.combinations)
    rows = f", {cases * count} rows" if count > 1 else ""
    print_stderr(f"{cases} cases{rows}; {incomplete} lack files")
    if mistaken:
        print_stderr(f"the program has errors for {mistaken} of them: --check tells which")
    return 0


def check_cases(cohort: Cohort) -> int:
    """Print what is wrong for which case; return the exit status."""
    wrong = 0
    for case, errors in cohort.errors_by_case():
        if errors:
            wrong += 1
            click.echo(f"{case.name}:")
            for each in errors:
                click.echo("  " + str(each).replace("\n", "\n  "))
    print_stderr(f"{len(cohort.own_cases)} cases, {wrong} with errors")
    return 1 if wrong else 0
