"""``voxgpu bids``: a cohort spelled as a BIDS App, with the arguments that those have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from voxgpu.cli.cohort.command import command as cohort
from voxgpu.cli.cohort.command import run_cohort
from voxgpu.cli.cohort.summary import check_summary, show_summary
from voxgpu.cli.cohort.table import say_rows
from voxgpu.cli.options import UserPath
from voxgpu.cli.terminal import print_diagnostics, print_stderr
from voxgpu.cohorts.file_errors import file_errors
from voxgpu.diagnostics import ImgqlError

#: Options after which BIDS Apps take several labels.
_SEVERAL = frozenset(
    f"--{name}" for name in ("participant-label", "participant_label")
) | frozenset(f"--{name}" for name in ("session", "session-label", "session_label"))

_LEVELS = ("participant", "group")

#: Arguments and options of `voxgpu cohort` that others stand for here; all else is the same.
_REPLACED = ("program", "output", "cases", "bids", "merge", "write_sbatch", "tasks")


class _BidsApp(click.Command):
    """Takes several labels after one option, as BIDS Apps do: ``--participant-label 01 02``.

    Only after the level: words before it are folders.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        found: list[str] = []
        option, level = "", False
        for word in args:
            if word.startswith("-"):
                option = word if word in _SEVERAL else ""
            elif word in _LEVELS:
                level = True
            elif option and level and found[-1] != option:
                found.append(option)
            found.append(word)
        return super().parse_args(ctx, found)


@click.command(cls=_BidsApp)
@click.argument("bids_dir", type=UserPath(path_type=Path))
@click.argument("output_dir", type=UserPath(path_type=Path, readable=False))
@click.argument("level", type=click.Choice(_LEVELS))
@click.option(
    "--program",
    type=UserPath(path_type=Path),
    metavar="PROGRAM",
    help="The program to run; for the level participant.",
)
def command(**arguments: Any) -> int:
    """Run a program over a BIDS dataset as a BIDS App.

    The level participant is `voxgpu cohort PROGRAM --bids BIDS_DIR -o OUTPUT_DIR`; with --part
    each of several jobs runs some of the participants. The level group then writes one table of
    all parts. Exit status as of voxgpu cohort.
    """
    program = arguments["program"]
    if arguments["level"] == "participant" and program is None:
        raise click.UsageError("the level participant needs a program: --program tumor.imgql")
    given: dict[str, Any] = {
        **arguments,
        **{"bids": arguments["bids_dir"], "output": arguments["output_dir"]},
        **{"cases": None, "merge": False, "program": (program,)},
        **{"write_sbatch": None, "tasks": None},
    }
    if arguments["level"] == "participant":
        return run_cohort(given)
    try:
        return _group(given)
    except ImgqlError as error:
        print_diagnostics(error.diagnostics)
        return 1


def _group(arguments: dict[str, Any]) -> int:
    """Write the tables of what the level participant left in journals; return the exit status."""
    from voxgpu.cohorts.bids.group import rows_of_group
    from voxgpu.cohorts.bids.root import LOGS, is_derivative, write_phenotype
    from voxgpu.cohorts.summary import collected
    from voxgpu.cohorts.table import write_table
    from voxgpu.files.errors import FileError

    check_summary(arguments)
    output = arguments["output"]
    table = arguments["table"] or output / LOGS / "cohort.csv"
    with file_errors("E303"):
        if not is_derivative(output):
            hint = "run the level participant first, with the same folder"
            raise FileError(str(output), "it has no derivative of voxgpu", hint)
        rows, others = rows_of_group(output / LOGS)
        for each in others:
            print_stderr(f"left out: {each}: it is of another program, definitions or sweep")
        write_table(table, rows)
        program = arguments["program"][0]
        write_phenotype(output, rows, program.name if program else "the program")
    found = collected(rows)
    status = say_rows(table, found, arguments["quiet"])
    show_summary(arguments, found)
    return status


command.params += [each for each in cohort.params if each.name not in _REPLACED]
