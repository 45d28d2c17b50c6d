"""``--report`` of ``voxgpu cohort``: its checks before the run, and the page after it."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.html_report import check_report, report_data_option, report_option
from voxgpu.cli.options import option_group
from voxgpu.cli.terminal import print_stderr, progress
from voxgpu.cohorts.file_errors import file_errors

if TYPE_CHECKING:
    from voxgpu.cohorts.run import Cohort, CohortRun
    from voxgpu.cohorts.summary import Collected

#: Adds the options of the page.
with_report = option_group(report_option, report_data_option)

#: Options that run no cases, so that there is nothing to report.
_NOT_WITH = {
    "merge": "--merge",
    "status": "--status",
    "only_list": "--list",
    "check": "--check",
    "dry_run": "--dry-run",
    "write_sbatch": "--write-sbatch",
}


def check_cohort_report(arguments: dict[str, Any], is_of_tables: bool) -> None:
    """Raise an error for a page that could not be written, before anything runs."""
    if arguments.get("report") is None:
        return
    for name, option in _NOT_WITH.items():
        if arguments.get(name):
            raise click.UsageError(f"{option} runs no case here: leave --report out")
    if is_of_tables:
        raise click.UsageError("--report needs cases to run: give --cases or --bids")
    check_report(arguments["report"])


def write_cohort_page(
    arguments: dict[str, Any], cohort: Cohort, run: CohortRun, found: Collected, id: str
) -> None:
    """Write the page, if one is asked for. Raises ImgqlError where it cannot be written.

    id  of the run in the store; empty if it is not recorded
    """
    if arguments.get("report") is None:
        return
    from voxgpu.backends.thread_pool import usable_cores
    from voxgpu.report.case_pictures import case_pictures
    from voxgpu.report.cohort_page import CohortContents, write_cohort_report

    rows, quiet = run.rows(), arguments["quiet"]
    with progress(not quiet) as bar:

        def tell(name: str, done: int) -> None:
            bar.show(f"picture of {name}", done, len(rows))

        pictures = case_pictures(cohort, rows, usable_cores(), tell)
    about = tuple(_about(arguments, cohort, id))
    contents = CohortContents(cohort.program.source, rows, found, pictures, about)
    with file_errors("E303"):
        beside = arguments["report_data"] == "beside"
        write_cohort_report(arguments["report"], contents, beside)
    if not quiet:
        print_stderr(f"saved {arguments['report']}")


def _about(arguments: dict[str, Any], cohort: Cohort, id: str) -> Iterator[tuple[str, str]]:
    from voxgpu import __version__
    from voxgpu.provenance.program_text import digest_of_program

    program = cohort.program
    if program.path is not None:
        yield "program", str(program.path.absolute())
        yield "SHA-256", digest_of_program(program.source.text, program.path)
    for name, text in program.options.define.items():
        yield f"${name}", text
    yield "cases", str(arguments.get("cases") or arguments.get("bids") or "")
    yield "table", str(arguments["table"])
    yield "output", str(arguments["output"])
    yield "voxgpu", __version__
    yield "Python", platform.python_version()
    yield "computer", f"{platform.node()}, {platform.platform()}"
    yield "written", datetime.now(UTC).isoformat(timespec="seconds")
    if id:
        yield "run", f"voxgpu runs show {id}"
