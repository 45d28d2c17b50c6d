"""``voxgpu check``: all errors and warnings of a program."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.options import compile_options, options_of, source_of
from voxgpu.cli.terminal import print_diagnostics, print_stderr
from voxgpu.diagnostics import Diagnostic, ImgqlError

if TYPE_CHECKING:
    from voxgpu.migration.differences import Difference


@click.command()
@compile_options
@click.option(
    "--from",
    "ancestor",
    type=click.Choice(["voxlogica1", "voxlogica2"]),
    help="Also report what this ancestor does otherwise, and how to write it for both.",
)
@click.option("--json", "as_json", is_flag=True, help="Write the diagnostics as JSON to stdout.")
def command(as_json: bool, ancestor: str | None, **arguments: Any) -> int:
    """Report the errors in PROGRAM. Reads the headers of its files, but does not run it."""
    diagnostics, found = _examine(arguments, ancestor)
    errors = [each for each in diagnostics if each.is_error]
    if as_json:
        told = [each.as_json() for each in diagnostics]
        click.echo(json.dumps(told + [each.as_json() for each in found]))
        return 1 if errors else 0
    shown = list(diagnostics)
    counts = [_count(len(errors), "error"), _count(len(diagnostics) - len(errors), "warning")]
    if ancestor is not None:
        from voxgpu.migration.differences import as_diagnostics

        shown += as_diagnostics(found)
        counts.append(f"{_count(len(found), 'difference')} from {_NAMES[ancestor]}")
    print_diagnostics(shown)
    print_stderr(f"{arguments['program']}: {', '.join(counts)}")
    return 1 if errors else 0


_NAMES = {"voxlogica1": "VoxLogicA 1", "voxlogica2": "VoxLogicA 2"}


def _examine(
    arguments: dict[str, Any], ancestor: str | None
) -> tuple[tuple[Diagnostic, ...], list[Difference]]:
    """The diagnostics of a program, and its differences from an ancestor if one is named.

    Warnings about readings (W101) are among the differences, and not told twice.
    """
    from voxgpu.compile import compile_program, unread

    try:
        source = source_of(arguments)
    except ImgqlError as error:
        return error.diagnostics, []
    options = options_of(arguments, writes=False)
    compiled = compile_program(source, arguments["program"], options, unread)
    if ancestor is None:
        return compiled.diagnostics, []
    from voxgpu.migration.differences import ANCESTORS, differences

    others = tuple(each for each in compiled.diagnostics if each.code != "W101")
    return others, differences(compiled, ANCESTORS[ancestor])


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
