"""Options of the summary and the plots, of a cohort that was run or of tables that exist."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.options import UserPath, option_group
from voxgpu.cli.terminal import print_stderr
from voxgpu.cohorts.file_errors import file_errors
from voxgpu.diagnostics import Diagnostic, ImgqlError

if TYPE_CHECKING:
    from voxgpu.cohorts.run import Cohort
    from voxgpu.cohorts.summary import Collected

#: Adds the options of the summary.
with_summary = option_group(
    click.option(
        "--summary",
        is_flag=True,
        help="Print statistics of each label, and failures by message. Without --cases: of the "
        "journals and tables that are given in place of PROGRAM; nothing is run.",
    ),
    click.option(
        "--summary-file",
        type=UserPath(path_type=Path, readable=False),
        metavar="FILE",
        help="Write the summary to a file: .txt, .csv or .json.",
    ),
    click.option(
        "--maximize",
        multiple=True,
        metavar="LABEL",
        help="Tell in the summary which combination has the greatest mean of this label over the "
        "cases; repeatable.",
    ),
    click.option("--minimize", multiple=True, metavar="LABEL", help="Likewise for the least mean."),
    click.option(
        "--plots",
        type=UserPath(path_type=Path, file_okay=False, readable=False),
        metavar="DIR",
        help="Draw the distribution of each label, and a heat map of two swept variables, as PNG "
        "and SVG in this folder.",
    ),
)


def is_of_tables(arguments: dict[str, Any]) -> bool:
    """Whether a summary of tables that exist is asked for, and nothing is to be run."""
    programs: Sequence[Path] = arguments["program"]
    is_program = any(each.suffix.lower() == ".imgql" for each in programs)
    return (
        _is_asked(arguments)
        and not (arguments["cases"] or arguments["bids"])
        and bool(programs)
        and not is_program
    )


def _is_asked(arguments: dict[str, Any]) -> bool:
    return bool(_is_summary(arguments) or arguments["plots"])


def _is_summary(arguments: dict[str, Any]) -> bool:
    names = ("summary", "summary_file", "maximize", "minimize")
    return any(arguments[each] for each in names)


def summarize_tables(arguments: dict[str, Any]) -> int:
    """Summarize journals and tables that exist; return the exit status."""
    from voxgpu.cohorts.read_table import read_rows
    from voxgpu.cohorts.summary import collected

    check_summary(arguments)
    with file_errors("E201"):
        rows = read_rows(arguments["program"])
    show_summary(arguments, collected(rows))
    return 0


def check_summary(arguments: dict[str, Any], cohort: Cohort | None = None) -> None:
    """Raise ImgqlError or UsageError for a summary that could not be made, before anything runs."""
    from voxgpu.cohorts.summary_text import SUFFIXES

    path: Path | None = arguments["summary_file"]
    if path is not None and path.suffix.lower() not in SUFFIXES:
        text = f"a summary ends in {', '.join(SUFFIXES)}"
        raise click.BadParameter(text, param_hint="--summary-file")
    if arguments["plots"]:
        from voxgpu.cohorts.plots import check_matplotlib

        check_matplotlib()
    wanted = [*arguments["maximize"], *arguments["minimize"]]
    if cohort is not None and wanted:
        if len(cohort.combinations) < 2:
            raise click.UsageError("--maximize and --minimize compare combinations of a --sweep")
        _check_labels(wanted, cohort)


def _check_labels(wanted: Iterable[str], cohort: Cohort) -> None:
    """Raise ImgqlError if the program prints nothing under a label, as far as headers tell."""
    for case in cohort.own_cases[:3]:
        try:
            compiled = cohort.program.compiled(case, cohort.combinations[0], None)
        except (ValueError, ImgqlError):
            continue
        if compiled.errors:
            continue
        labels = [each.label for each in compiled.plan.goals if each.action == "print"]
        for each in wanted:
            # An item of a sequence is `label[0]`.
            if each not in labels and re.sub(r"(\[\d+\])+$", "", each) not in labels:
                known = ", ".join(f"`{label}`" for label in labels) or "nothing"
                message = f"the program prints nothing labeled `{each}`"
                raise ImgqlError([Diagnostic("E402", message, help=f"it prints {known}")])
        return


def show_summary(arguments: dict[str, Any], found: Collected) -> None:
    """Print and write the summary and draw the plots that are asked for."""
    if not _is_asked(arguments):
        return
    from voxgpu.cohorts.summary import summarize
    from voxgpu.cohorts.summary_text import summary_text, write_summary

    maximize, minimize = arguments["maximize"], arguments["minimize"]
    try:
        summary = summarize(found, maximize, minimize)
    except ValueError as error:
        raise ImgqlError([Diagnostic("E402", str(error))]) from None
    with file_errors("E303"):
        if arguments["summary_file"]:
            write_summary(arguments["summary_file"], summary)
            if not arguments["quiet"]:
                print_stderr(f"saved {arguments['summary_file']}")
        if _is_summary(arguments) and (arguments["summary"] or not arguments["summary_file"]):
            click.echo(summary_text(summary))
        if arguments["plots"]:
            from voxgpu.cohorts.plots import write_plots

            drawn = write_plots(arguments["plots"], found.measured, maximize, minimize)
            if not arguments["quiet"]:
                print_stderr(f"saved {len(drawn)} plots as PNG and SVG in {arguments['plots']}")
