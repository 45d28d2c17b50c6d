"""``voxgpu check``: all errors and warnings of a program."""

from __future__ import annotations

import json
from typing import Any

import click

from voxgpu.cli.options import compile_options, options_of, source_of
from voxgpu.cli.terminal import print_diagnostics, print_stderr
from voxgpu.diagnostics import Diagnostic, ImgqlError


@click.command()
@compile_options
@click.option("--json", "as_json", is_flag=True, help="Write the diagnostics as JSON to stdout.")
def command(as_json: bool, **arguments: Any) -> int:
    """Report the errors in PROGRAM. Reads the headers of its files, but does not run it."""
    diagnostics = _diagnostics(arguments)
    errors = [each for each in diagnostics if each.is_error]
    if as_json:
        click.echo(json.dumps([each.as_json() for each in diagnostics]))
    else:
        print_diagnostics(diagnostics)
        warnings = len(diagnostics) - len(errors)
        print_stderr(
            f"{arguments['program']}: {_count(len(errors), 'error')}, {_count(warnings, 'warning')}"
        )
    return 1 if errors else 0


def _diagnostics(arguments: dict[str, Any]) -> tuple[Diagnostic, ...]:
    from voxgpu.compile import compile_program, unread

    try:
        source = source_of(arguments)
    except ImgqlError as error:
        return error.diagnostics
    return compile_program(
        source, arguments["program"], options_of(arguments, writes=False), unread
    ).diagnostics


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
