"""``voxgpu run``: a program to its results."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.options import bearing_on_meaning, options_of, source_of
from voxgpu.cli.terminal import Progress, complain, progress, say
from voxgpu.device import DEVICES, choose
from voxgpu.diagnostics import Diagnostic, ImgqlError

if TYPE_CHECKING:
    from voxgpu.execute import Result
    from voxgpu.execution.events import Event
    from voxgpu.pipeline import Compiled


@click.command()
@bearing_on_meaning
@click.option(
    "--device",
    type=click.Choice(DEVICES),
    default="auto",
    help="On what to compute; so far all of them are the reference backend (NumPy and SciPy).",
)
@click.option("--threads", type=click.IntRange(min=1), help="Threads for reading files.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout instead of lines.")
@click.option("-q", "--quiet", is_flag=True, help="No warnings and no progress.")
@click.option("-v", "--verbose", is_flag=True, help="Tell what is computed, and how long it takes.")
def command(
    device: str, threads: int | None, as_json: bool, quiet: bool, verbose: bool, **given: Any
) -> int:
    """Run PROGRAM: each `print` is a line label=value, each `save` writes a file.

    Files to load are relative to the current directory. Exit status: 0 all goals were delivered,
    1 the program or a goal failed, 2 wrong usage.
    """
    errors: tuple[Diagnostic, ...]
    try:
        compiled = _compiled(given, threads)
        if not (quiet or as_json) and not compiled.errors:
            complain(each for each in compiled.diagnostics if not each.is_error)
        if verbose:
            say(f"device: {choose(device)} ({device} was asked for)")
        result = _executed(compiled, given, as_json, quiet, verbose)
    except ImgqlError as error:
        if not as_json:
            raise
        click.echo(json.dumps(_only_errors(error)))
        return 1
    errors = result.errors
    if as_json:
        click.echo(json.dumps(result.as_json()))
    else:
        complain(errors)
        if not quiet:
            complain(each for each in result.warnings if each not in compiled.diagnostics)
    if verbose:
        say(f"{result.computed} of {result.nodes} nodes computed in {result.seconds:.2f} s")
    return 1 if errors else 0


def _compiled(given: dict[str, Any], threads: int | None) -> Compiled:
    from voxgpu.files.threads import use_threads
    from voxgpu.pipeline import compile_program

    if threads:
        use_threads(threads)
    return compile_program(source_of(given), given["program"], options_of(given))


def _executed(
    compiled: Compiled, given: dict[str, Any], as_json: bool, quiet: bool, verbose: bool
) -> Result:
    from voxgpu.execute import execute

    if compiled.errors:
        raise ImgqlError(compiled.diagnostics)
    with progress(not quiet) as bar:

        def tell(printed: object) -> None:
            if not as_json:
                with bar.paused():
                    click.echo(str(printed))

        return execute(
            compiled,
            given["output"],
            options_of(given).roots,
            on_print=tell,
            observe=_observer(bar, verbose, len(compiled.plan.nodes)),
        )


def _observer(bar: Progress, verbose: bool, total: int) -> Callable[[Event], None]:
    from voxgpu.execution.events import Finished, Started

    done = 0

    def observe(event: Event) -> None:
        nonlocal done
        if isinstance(event, Started):
            bar.show(event.task.node.primitive.names[0], done, total)
        elif isinstance(event, Finished):
            done += 1
            if verbose and event.seconds >= 0.001:
                name = event.task.node.primitive.names[0]
                with bar.paused():
                    say(f"{event.seconds * 1000:9.1f} ms  {name}  {event.task.type}")

    return observe


def _only_errors(error: ImgqlError) -> dict[str, Any]:
    return {
        "print": [],
        "saved": [],
        "errors": [each.as_json() for each in error.diagnostics if each.is_error],
        "warnings": [each.as_json() for each in error.diagnostics if not each.is_error],
        "seconds": 0.0,
        "nodes": 0,
        "computed": 0,
    }
