"""``voxgpu check``: everything that is wrong with a program."""

from __future__ import annotations

import json
from typing import Any

import click

from voxgpu.cli.options import bearing_on_meaning, options_of, source_of
from voxgpu.cli.terminal import print_diagnostics, print_stderr
from voxgpu.diagnostics import Diagnostic, ImgqlError


@click.command()
@bearing_on_meaning
@click.option("--json", "as_json", is_flag=True, help="The diagnostics as JSON on stdout.")
def command(as_json: bool, **given: Any) -> int:
    """Tell what is wrong with PROGRAM. Reads the headers of its files; runs nothing."""
    diagnostics = _diagnostics(given)
    errors = [each for each in diagnostics if each.is_error]
    if as_json:
        click.echo(json.dumps([each.as_json() for each in diagnostics]))
    else:
        print_diagnostics(diagnostics)
        warnings = len(diagnostics) - len(errors)
        print_stderr(
            f"{given['program']}: {_count(len(errors), 'error')}, {_count(warnings, 'warning')}"
        )
    return 1 if errors else 0


def _diagnostics(given: dict[str, Any]) -> tuple[Diagnostic, ...]:
    from voxgpu.compile import compile_program, unread

    try:
        source = source_of(given)
    except ImgqlError as error:
        return error.diagnostics
    return compile_program(
        source, given["program"], options_of(given, writes=False), unread
    ).diagnostics


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
