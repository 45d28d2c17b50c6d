"""``voxgpu run``: a program to its results."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.options import (
    Place,
    bearing_on_meaning,
    device_memory_option,
    device_option,
    options_of,
    source_of,
)
from voxgpu.cli.parameter_types import SIZE
from voxgpu.cli.run_output import RunOutput
from voxgpu.cli.run_report import RunReport
from voxgpu.cli.shutdown import answer_with
from voxgpu.cli.store_options import store_options_of, with_store
from voxgpu.cli.terminal import progress
from voxgpu.diagnostics import Diagnostic, ImgqlError

if TYPE_CHECKING:
    from voxgpu.compile import Compiled
    from voxgpu.execution.events import Event
    from voxgpu.optimize.schedule import Task
    from voxgpu.session import Result


@click.command()
@bearing_on_meaning
@device_option("On what to compute; auto: what is faster; reference: with NumPy and SciPy, slowly.")
@click.option(
    "--threads", type=click.IntRange(min=1), help="How many threads compute (default: one a core)."
)
@click.option(
    "--memory",
    type=SIZE,
    metavar="SIZE",
    help="What the process may take, such as 4G; values beyond it wait on the disk.",
)
@device_memory_option
@click.option("--force-save", is_flag=True, help="Write files also where they are there already.")
@click.option(
    "--verify-inputs",
    is_flag=True,
    help="Read every file to see whether it has changed, whatever its date says.",
)
@with_store
@click.option(
    "--validate",
    is_flag=True,
    help="Hold each step to the reference and stop at the first voxel that differs; slow, and "
    "without the store.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout instead of lines.")
@click.option("-q", "--quiet", is_flag=True, help="No warnings, no progress, not what was saved.")
@click.option("-v", "--verbose", is_flag=True, help="Tell what is computed, and how long it takes.")
@click.option(
    "--log",
    type=Place(path_type=Path, readable=False),
    metavar="FILE",
    help="Add what is told, printed, computed and saved to FILE, with times, however quiet it is.",
)
def command(
    device: str,
    threads: int | None,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    log: Path | None,
    **given: Any,
) -> int:
    """Run PROGRAM: each `print` is a line label=value, each `save` writes a file.

    What was saved where is told on stderr. Files to load are relative to the current directory.
    Exit status: 0 all goals were delivered, 1 the program or a goal failed, 2 wrong usage.
    """
    account = RunReport(given["program"], given["define"], given["primitives"])
    if as_json:
        answer_with(lambda: _object(_not_run((), True), account))
    with RunOutput(as_json, quiet, verbose, log) as voice:
        try:
            with progress(not quiet) as voice.bar:
                compiled, result = _run(given, device, threads, voice, account)
        except ImgqlError as error:
            voice.fail(error.diagnostics)
            if as_json:
                answer_with(None)
                click.echo(_object(_not_run(error.diagnostics), account))
            return 1
        voice.fail(result.errors)
        voice.warn(each for each in result.warnings if each not in compiled.diagnostics)
        for line in account.inputs:
            voice.detail(line)
        unchanged = sum(each.unchanged for each in result.saved)
        voice.detail(
            f"{result.computed} of {result.nodes} nodes computed, {result.reused} from the store, "
            f"{unchanged} of {len(result.saved)} files unchanged, in {result.seconds:.2f} s"
        )
        if as_json:
            answer_with(None)
            click.echo(_object(result, account))
    return 1 if result.errors else 0


def _run(
    given: dict[str, Any],
    device: str,
    threads: int | None,
    voice: RunOutput,
    account: RunReport,
) -> tuple[Compiled, Result]:
    from voxgpu.backends.select import Selection
    from voxgpu.session import open_session
    from voxgpu.session_settings import SessionListeners, SessionSettings

    def tell_device(chosen: Selection) -> None:
        voice.detail(f"device: {chosen.name} ({chosen.reason})")

    counts = _Counts()
    options = options_of(given)
    observe = _observer(voice, counts)
    source = source_of(given)
    account.note_program(source)
    for line in account.lines:
        voice.detail(line)
    settings = SessionSettings(
        device=device,
        threads=threads,
        memory=given["memory"],
        device_memory=given["device_memory"],
        store=store_options_of(given),
        output=given["output"],
        roots=options.roots,
        keep_images=False,
        force_save=given["force_save"],
        verify_inputs=given["verify_inputs"],
        validate=given["validate"],
    )
    session = open_session(
        settings, SessionListeners(voice.printed, voice.saved, tell_device, observe)
    )
    if voice.as_json:
        answer_with(lambda: _object(session.so_far(), account))
    with session:
        digest = partial(account.digests, session.digests)
        compiled = session.compile(source, given["program"], options, digest)
        account.note_imports(compiled.commands, source)
        if compiled.errors:
            raise ImgqlError(compiled.diagnostics)
        voice.warn(each for each in compiled.diagnostics if not each.is_error)
        # The plan stays until the process ends: looking through it for garbage, over and over,
        # would take a fifth of the time that a plan of thousands of nodes takes.
        gc.freeze()
        counts.total += len(compiled.plan.nodes)
        return compiled, session.execute(compiled)


@dataclass
class _Counts:
    """Nodes done, and nodes there are as far as is known."""

    done: int = 0
    total: int = 0


def _observer(voice: RunOutput, counts: _Counts) -> Callable[[Event], None]:
    from voxgpu.execution.events import Finished, Started

    def observe(event: Event) -> None:
        if isinstance(event, Started):
            name = event.task.name
            voice.bar.show(name, counts.done, max(counts.total, counts.done + 1))
        elif isinstance(event, Finished):
            counts.done += len(event.task.nodes)
            if voice.is_detailed and event.seconds >= 0.001:
                voice.detail(_described(event.task, event.seconds))

    return observe


def _described(task: Task, seconds: float) -> str:
    """What a task did, for people: milliseconds, operations, results."""
    made = ", ".join(dict.fromkeys(str(kind) for kind in task.types))
    return f"{seconds * 1000:9.1f} ms  {task.name}  {made}"


def _object(result: Result, account: RunReport) -> str:
    return json.dumps({**result.as_json(), **account.as_json()})


def _not_run(diagnostics: Sequence[Diagnostic], interrupted: bool = False) -> Result:
    """What a program that was not run comes to."""
    from voxgpu.execution.result import Result

    errors = tuple(each for each in diagnostics if each.is_error)
    warnings = tuple(each for each in diagnostics if not each.is_error)
    return Result((), (), errors, warnings, 0.0, 0, 0, interrupted=interrupted)
