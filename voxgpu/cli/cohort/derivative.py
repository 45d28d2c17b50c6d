"""The BIDS derivative that comes of a dataset, and what is said before it is made."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.cohort.bids import chosen_labels, folders_of
from voxgpu.cli.terminal import print_stderr
from voxgpu.cohorts.file_errors import file_errors

if TYPE_CHECKING:
    from voxgpu.cohorts.cases import Case
    from voxgpu.cohorts.row import Row
    from voxgpu.cohorts.run import Cohort


def tell_doubts(cohort: Cohort) -> None:
    """Say which image stands for a suffix that several images of a case have."""
    from voxgpu.cohorts.missing import used_variables

    noted: dict[str, list[Case]] = {}
    for case in cohort.own_cases:
        for name in case.notes:
            noted.setdefault(name, []).append(case)
    used = used_variables(cohort) if noted else set()
    for name, cases in noted.items():
        if name in used:
            more = f" (and so in {len(cases) - 1} more cases)" if cases[1:] else ""
            print_stderr(f"warning: ${name} of {cases[0].name}: {cases[0].notes[name]}{more}")


def begin_derivative(cohort: Cohort, arguments: dict[str, Any]) -> None:
    """Write what the derivative is, before cases are run. Raises ImgqlError if that fails."""
    from voxgpu.cohorts.bids.root import check_output, links_of, write_root

    output, folders = arguments["output"], folders_of(arguments)
    if output == Path():
        place = arguments["bids"] / "derivatives" / "voxgpu"
        raise click.UsageError(f"--bids needs a folder for the derivative: -o {place}")
    program = cohort.program.path
    assert program is not None
    with file_errors("E303"):
        check_output(output, folders)
        write_root(output, links_of(folders), program.name, _command(program, arguments))


def _command(program: Path, arguments: Mapping[str, Any]) -> str:
    """The command line, with paths of this computer cut down to their last part."""
    words = ["voxgpu cohort", program.name, "--bids", arguments["bids"].resolve().name]
    words += [f"--derivatives {each.resolve().name}" for each in arguments["derivatives"]]
    words += [f"--entity {each}" for each in arguments["entity"]]
    words += [f"--per {each}" for each in arguments["per"]]
    words += [f"-D {name}={value}" for name, value in arguments["define"].items()]
    words += [f"--sweep {each}" for each in arguments["sweep"]]
    if arguments["sweep_file"]:
        words.append(f"--sweep-file {arguments['sweep_file'].name}")
    return " ".join(map(_short, words))


def _short(text: str) -> str:
    """The text with what leads to files left out of absolute paths in it."""
    return re.sub(r"(^|[=,:\s])~?/(?:[^/,=]+/)*", r"\1", text)


def end_derivative(cohort: Cohort, arguments: dict[str, Any], rows: Iterable[Row]) -> None:
    """Write the values of participants, if all were run; else the level ``group`` does."""
    from voxgpu.cohorts.bids.root import write_phenotype

    if cohort.part is None and not chosen_labels(arguments):
        assert cohort.program.path is not None
        write_phenotype(arguments["output"], rows, cohort.program.path.name)
