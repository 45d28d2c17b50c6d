"""``voxgpu show``: a program between its stages."""

from __future__ import annotations

import json
from typing import Any

import click

from voxgpu.cli.options import bearing_on_meaning, options_of, source_of
from voxgpu.cli.terminal import complain
from voxgpu.diagnostics import ImgqlError


@click.command()
@bearing_on_meaning
@click.option(
    "--stage",
    type=click.Choice(["syntax", "program", "plan"]),
    default="plan",
    help="syntax: as it was read, with every parenthesis; program: typed steps; plan: the graph.",
)
@click.option("--format", "layout", type=click.Choice(["text", "json", "dot"]), default="text")
def command(stage: str, layout: str, **given: Any) -> int:
    """Show PROGRAM as one of the stages between its text and its results."""
    from voxgpu.pipeline import compile_program
    from voxgpu.plan.show import RENDERINGS, stage_graph

    compiled = compile_program(source_of(given), given["program"], options_of(given))
    if compiled.errors and stage != "syntax":
        raise ImgqlError(compiled.diagnostics)
    complain(each for each in compiled.diagnostics if stage == "syntax" and each.is_error)
    graph = stage_graph(stage, compiled.commands, compiled.program, compiled.plan)
    rendered = RENDERINGS[layout](graph)
    click.echo(rendered if isinstance(rendered, str) else json.dumps(rendered, indent=1))
    return 1 if compiled.errors else 0
