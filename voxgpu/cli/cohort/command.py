"""``voxgpu cohort``: one program over many cases and combinations of its variables."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.cohort.cases import check_cases, cohort_of, list_cases, with_cases
from voxgpu.cli.cohort.derivative import begin_derivative, end_derivative, tell_doubts
from voxgpu.cli.cohort.ending import Ending, patience_of, with_ending
from voxgpu.cli.cohort.placement import (
    placement_of,
    print_job,
    settings_of,
    with_placement,
)
from voxgpu.cli.cohort.progress import watching, with_watching
from voxgpu.cli.cohort.report import check_cohort_report, with_report, write_cohort_page
from voxgpu.cli.cohort.resuming import new_journal, say_known
from voxgpu.cli.cohort.sbatch import check_sbatch, with_sbatch, write_sbatch
from voxgpu.cli.cohort.status import tell_status, with_status
from voxgpu.cli.cohort.summary import (
    check_summary,
    is_of_tables,
    show_summary,
    summarize_tables,
    with_summary,
)
from voxgpu.cli.cohort.table import (
    check_cohort_files,
    default_table,
    merge,
    say_rows,
    table_of,
    with_table,
)
from voxgpu.cli.options import UserPath, options_without_program, sidecar_option
from voxgpu.cli.record_run import recorded_run
from voxgpu.cli.shutdown import graceful
from voxgpu.cli.terminal import print_diagnostics, print_stderr
from voxgpu.cohorts.file_errors import file_errors
from voxgpu.diagnostics import ImgqlError
from voxgpu.provenance.program_text import digest_of_program

if TYPE_CHECKING:
    from voxgpu.cohorts.run import Cohort


@click.command()
@click.argument("program", type=UserPath(path_type=Path), nargs=-1, metavar="PROGRAM")
@options_without_program
@sidecar_option
@with_cases
@with_table
@with_summary
@with_report
@with_placement
@with_ending
@with_watching
@with_status
@with_sbatch
def command(**arguments: Any) -> int:
    """Run PROGRAM for each case of a cohort; write a table of all that it prints.

    In the program $CASE is the path of the case and $NAME its name; values of -D may use {path},
    {name}, {parent} and the columns of a table, as in -D FLAIR='{path}/{name}_flair.nii.gz'. Files
    that are saved go to a folder of the case, with a folder for each combination of a sweep below.
    A case that fails is a row with its error, and the others go on. Exit status: 0 all rows are
    there, 3 some cases failed, 1 nothing could be run, 2 wrong usage.
    """
    return run_cohort(arguments)


def run_cohort(arguments: dict[str, Any]) -> int:
    """Do what the options of `voxgpu cohort` say; return the exit status."""
    arguments = {**arguments, "table": arguments["table"] or default_table(arguments)}
    try:
        check_cohort_report(arguments, is_of_tables(arguments))
        check_cohort_files(arguments, is_of_tables(arguments))
        check_sbatch(arguments)
        if arguments["merge"]:
            return merge(arguments)
        if arguments["status"]:
            return tell_status(arguments)
        if is_of_tables(arguments):
            return summarize_tables(arguments)
        cohort = cohort_of(arguments)
        if arguments["bids"]:
            tell_doubts(cohort)
        if arguments["only_list"]:
            return list_cases(cohort)
        if arguments["check"]:
            return check_cases(cohort)
        if arguments["dry_run"]:
            return print_job(placement_of(arguments))
        if arguments["write_sbatch"]:
            return write_sbatch(cohort, arguments)
        if arguments["bids"]:
            begin_derivative(cohort, arguments)
        return _run(cohort, arguments)
    except ImgqlError as error:
        print_diagnostics(error.diagnostics)
        return 1


def _run(cohort: Cohort, arguments: dict[str, Any]) -> int:
    from voxgpu.cohorts.journal import Journal
    from voxgpu.cohorts.part import journal_beside
    from voxgpu.cohorts.run import CohortRun
    from voxgpu.cohorts.status import noting
    from voxgpu.cohorts.stopping import Stopping
    from voxgpu.cohorts.summary import collected
    from voxgpu.files.errors import FileError

    table, quiet = table_of(arguments, cohort), arguments["quiet"]
    settings, placement = settings_of(arguments, cohort), placement_of(arguments)
    cohort.check()
    check_summary(arguments, cohort)
    path = journal_beside(table)
    with (
        watching(arguments) as watch,
        file_errors("E303"),
        Journal(path, cohort.about(path.parent), arguments["resume"]) as journal,
        recorded_run(
            settings.store,
            "cohort",
            arguments["program"][0],
            digest_of_program(cohort.program.source.text, arguments["program"][0]),
            arguments["define"],
            journal=str(path.absolute()),
            table=str(table.absolute()),
        ) as record,
    ):
        if journal.started_anew is not None:
            print_stderr(new_journal(journal))
        stopping = Stopping(arguments["grace"])
        patience = patience_of(arguments)
        run = CohortRun(cohort, settings, placement, journal, watch.tell, patience, stopping)
        if not quiet:
            say_known(run)
        derivative = partial(end_derivative, cohort, arguments) if arguments["bids"] else None
        ending = Ending(table, cohort, run, derivative)
        try:
            with (
                graceful(stopping.ask, arguments["grace"], ending.write_and_report),
                watch.during(cohort, run.total, run.known, noting(journal)),
                closing(run.finishing(ending.write)) as rows,
            ):
                for row in rows:
                    watch.row(row)
                if stopping.is_asked and not ending.is_complete:
                    raise KeyboardInterrupt
        except (ImgqlError, FileError):
            print_stderr(ending.write_and_report())
            raise
        found = collected(run.rows())
        status = say_rows(table, found, quiet)
        show_summary(arguments, found)
        write_cohort_page(arguments, cohort, run, found, record.id)
        record.details |= {"rows": len(run.rows()), "of": run.total}
        record.end(bool(status))
        return status
