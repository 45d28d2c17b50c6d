"""``voxgpu show``: a program at one of the stages of compilation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.explain_miss import print_explanation
from voxgpu.cli.explain_miss import why as explained
from voxgpu.cli.options import compile_options, device_option, options_of, source_of
from voxgpu.cli.store_options import store_option
from voxgpu.cli.terminal import print_diagnostics
from voxgpu.device_spec import parse_device
from voxgpu.diagnostics import ImgqlError

if TYPE_CHECKING:
    from voxgpu.plan.node import Plan
    from voxgpu.plan.show import StageGraph


@click.command()
@compile_options
@click.option(
    "--stage",
    type=click.Choice(["syntax", "program", "plan", "simplified", "fused", "schedule", "source"]),
    default="plan",
    help="syntax: as parsed, with all parentheses; program: typed steps; plan: the graph; "
    "simplified: after rewriting; fused: kernels; schedule: order and memory; source: the text of "
    "the kernels.",
)
@device_option("Device to compile for, which need not exist here.")
@click.option(
    "--why",
    metavar="ID|GOAL",
    help="Explain why a value must be computed: its differences from the nearest stored one.",
)
@store_option
@click.option("--format", "layout", type=click.Choice(["text", "json", "dot"]), default="text")
def command(
    stage: str, device: str, layout: str, why: str | None, store: str | None, **arguments: Any
) -> int:
    """Show PROGRAM at one of the stages between its text and its results."""
    from voxgpu.compile import compile_program
    from voxgpu.plan.show import RENDERINGS, stage_graph

    compiled = compile_program(
        source_of(arguments), arguments["program"], options_of(arguments, writes=False)
    )
    if compiled.errors and (stage != "syntax" or why):
        raise ImgqlError(compiled.diagnostics)
    if why:
        print_explanation(
            explained(compiled.plan, arguments["program"], why, store, layout == "json"),
            layout == "json",
        )
        return 0
    print_diagnostics(each for each in compiled.diagnostics if stage == "syntax" and each.is_error)
    if stage in ("syntax", "program", "plan"):
        graph = stage_graph(stage, compiled.commands, compiled.program, compiled.plan)
    else:
        graph = _optimized(stage, compiled.plan, device)
    rendered = RENDERINGS[layout](graph)
    click.echo(rendered if isinstance(rendered, str) else json.dumps(rendered, indent=1))
    return 1 if compiled.errors else 0


def _optimized(stage: str, plan: Plan, device: str) -> StageGraph:
    """A stage after the plan, for a device that need not exist here."""
    from voxgpu.optimize.show import optimized_graph

    if parse_device(device).kind == "cuda":
        from voxgpu.backends.cuda import registry as cuda
        from voxgpu.backends.cuda.precompile import TARGET, cuda_text

        return optimized_graph(stage, plan, TARGET, cuda_text, "//", cuda.KERNELS.reason_of)
    from voxgpu.backends.cpu.registry import KERNELS
    from voxgpu.session import backend_of

    backend = backend_of(device)
    if not backend.fuses:  # then all steps are the reference's
        return optimized_graph(stage, plan, backend)
    return optimized_graph(stage, plan, backend, reason_of=KERNELS.reason_of)
