"""``voxgpu run``: runs a program."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.html_report import RunPage, check_report, report_data_option, report_option
from voxgpu.cli.options import (
    UserPath,
    compile_options,
    device_memory_option,
    device_option,
    options_of,
    sidecar_option,
    source_of,
)
from voxgpu.cli.parameter_types import SIZE
from voxgpu.cli.record_run import recorded_run
from voxgpu.cli.run_output import RunOutput
from voxgpu.cli.run_profile import (
    ProfiledCommand,
    Profiling,
    check_profiles,
    profile_file,
    profile_option,
    profiling,
    trace_option,
)
from voxgpu.cli.shutdown import set_early_answer
from voxgpu.cli.store_options import store_options_of, with_store
from voxgpu.cli.terminal import progress
from voxgpu.cli.written_files import RUN_LOG, check_appended, check_written_files
from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.provenance.run_report import RunReport
from voxgpu.spans import span

if TYPE_CHECKING:
    from voxgpu.compile import Compiled
    from voxgpu.execution.events import Event
    from voxgpu.optimize.schedule import Task
    from voxgpu.session import Result


@click.command(cls=ProfiledCommand)
@compile_options
@device_option("Device to use; auto: the faster one; reference: NumPy and SciPy, slow.")
@click.option(
    "--threads", type=click.IntRange(min=1), help="Number of threads (default: one per core)."
)
@click.option(
    "--memory",
    type=SIZE,
    metavar="SIZE",
    help="Memory limit of the process, such as 4G; values beyond it go to the disk.",
)
@device_memory_option
@sidecar_option
@click.option("--force-save", is_flag=True, help="Write files even if they are unchanged.")
@click.option(
    "--verify-inputs",
    is_flag=True,
    help="Read every file to check whether it has changed, whatever its date.",
)
@with_store
@click.option(
    "--validate",
    is_flag=True,
    help="Compare each step with the reference and stop at the first voxel that differs; slow, and "
    "without the store.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Write one JSON object to stdout instead of lines."
)
@click.option(
    "-q", "--quiet", is_flag=True, help="Show no warnings, no progress and no list of saved files."
)
@click.option("-v", "--verbose", is_flag=True, help="Show what is computed, and how long it takes.")
@profile_option
@trace_option
@report_option
@report_data_option
@click.option(
    "--log",
    type=UserPath(path_type=Path, readable=False),
    metavar="FILE",
    help="Append all messages and results to FILE, with times, even with --quiet.",
)
def command(
    device: str,
    threads: int | None,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    log: Path | None,
    profile: str | None,
    trace: Path | None,
    report: Path | None,
    report_data: str,
    **arguments: Any,
) -> int:
    """Run PROGRAM: each `print` is a line label=value, each `save` writes a file.

    Saved files are listed on stderr. Files to load are relative to the current folder.
    Exit status: 0 all goals were delivered, 1 the program or a goal failed, 2 wrong usage.
    """
    check_report(report)
    check_profiles(profile, trace)
    check_written_files(
        {"--log": log, "--trace": trace, "--profile": profile_file(profile), "--report": report},
        [arguments["program"], *arguments["primitives"]],
    )
    check_appended(log, RUN_LOG, "--log")
    page = RunPage(report, report_data == "beside")
    about = RunReport(arguments["program"], arguments["define"], arguments["primitives"])
    if as_json:
        set_early_answer(lambda: _object(_not_run((), True), about))
    with RunOutput(as_json, quiet, verbose, log) as output:
        try:
            with (
                profiling(profile, trace, report is not None) as noted,
                progress(not quiet) as output.bar,
            ):
                compiled, result = _run(arguments, device, threads, output, about, noted, page)
        except ImgqlError as error:
            output.fail(error.diagnostics)
            failed = _not_run(error.diagnostics)
            if as_json:
                set_early_answer(None)
                click.echo(_object(failed, about))
            page.write(failed, about, noted)
            return 1
        output.fail(result.errors)
        output.warn(each for each in result.warnings if each not in compiled.diagnostics)
        for line in about.inputs:
            output.detail(line)
        unchanged = sum(each.unchanged for each in result.saved)
        output.detail(
            f"{result.computed} of {result.nodes} nodes computed, {result.reused} from the store, "
            f"{unchanged} of {len(result.saved)} files unchanged, in {result.seconds:.2f} s"
        )
        if as_json:
            set_early_answer(None)
            click.echo(_object(result, about))
        page.write(result, about, noted)
    return 1 if result.errors else 0


def _run(
    arguments: dict[str, Any],
    device: str,
    threads: int | None,
    output: RunOutput,
    report: RunReport,
    noted: Profiling,
    page: RunPage,
) -> tuple[Compiled, Result]:
    from voxgpu.backends.select import Selection
    from voxgpu.execution.outputs import json_value
    from voxgpu.provenance.program_run import Circumstances, ProgramRun, ReadImages
    from voxgpu.provenance.sidecar_writer import SidecarWriter
    from voxgpu.session import open_session
    from voxgpu.session_settings import SessionListeners, SessionSettings

    def tell_device(chosen: Selection) -> None:
        noted.device = chosen.name
        output.detail(f"device: {chosen.name} ({chosen.reason})")

    counts = _Counts()
    options = options_of(arguments)
    observe = _observer(output, counts, page)
    source = page.source = source_of(arguments)
    report.note_program(source)
    # What the system is takes some milliseconds to find out.
    for line in report.lines if output.is_detailed else ():
        output.detail(line)
    settings = SessionSettings(
        device=device,
        threads=threads,
        memory=arguments["memory"],
        device_memory=arguments["device_memory"],
        store=store_options_of(arguments),
        output=arguments["output"],
        roots=options.roots,
        keep_images=False,
        force_save=arguments["force_save"],
        verify_inputs=arguments["verify_inputs"],
        validate=arguments["validate"],
    )
    session = open_session(
        settings, SessionListeners(output.printed, output.saved, tell_device, observe)
    )
    if output.as_json:
        set_early_answer(lambda: _object(session.so_far(), report))
    with (
        session,
        recorded_run(
            None if settings.validate else settings.store,
            "run",
            arguments["program"],
            report.program_digest,
            arguments["define"],
            trace=str(noted.trace.absolute()) if noted.trace is not None else None,
        ) as run,
    ):
        report.run = run.id
        if run.id:
            output.detail(f"run {run.id}")
        digest = ReadImages(partial(report.digests, session.digests))
        with span("compiling", arguments["program"].name):
            compiled = session.compile(source, arguments["program"], options, digest)
        report.note_imports(compiled.commands, source)
        if compiled.errors:
            raise ImgqlError(compiled.diagnostics)
        page.compiled = compiled
        output.warn(each for each in compiled.diagnostics if not each.is_error)
        # The plan stays until the process ends: repeated garbage collections of it would take a
        # fifth of the time of a plan of thousands of nodes.
        gc.freeze()
        counts.total += len(compiled.plan.nodes)
        beside = None
        if arguments["sidecar"]:
            read = digest if session.has_run_parts else None
            known = Circumstances(arguments["program"], options)
            name = arguments["program"].name
            beside = SidecarWriter(ProgramRun(compiled, known, read), name, lambda: noted.device)
        result = session.execute(compiled, beside)
        run.details |= {"device": noted.device, "computed": result.computed, "nodes": result.nodes}
        run.end(
            bool(result.errors),
            prints={each.label: json_value(each.value) for each in result.prints},
            saved=[str(each.path) for each in result.saved],
            warnings=[each.message for each in (*compiled.diagnostics, *result.warnings)],
            errors=[str(each) for each in result.errors],
        )
        return compiled, result


@dataclass
class _Counts:
    """Numbers of nodes computed, and of nodes known so far."""

    done: int = 0
    total: int = 0


def _observer(output: RunOutput, counts: _Counts, page: RunPage) -> Callable[[Event], None]:
    from voxgpu.execution.events import Finished, Started

    def observe(event: Event) -> None:
        if isinstance(event, Started):
            name = event.task.name
            output.bar.show(name, counts.done, max(counts.total, counts.done + 1))
        elif isinstance(event, Finished):
            counts.done += len(event.task.nodes)
            page.note(event)
            if output.is_detailed and event.seconds >= 0.001:
                output.detail(_described(event.task, event.seconds))

    return observe


def _described(task: Task, seconds: float) -> str:
    """Describe a finished task for people: milliseconds, operations, results."""
    types = ", ".join(dict.fromkeys(str(kind) for kind in task.types))
    return f"{seconds * 1000:9.1f} ms  {task.name}  {types}"


def _object(result: Result, report: RunReport) -> str:
    return json.dumps({**result.as_json(), **report.as_json()})


def _not_run(diagnostics: Sequence[Diagnostic], interrupted: bool = False) -> Result:
    """The result of a program that was not run."""
    from voxgpu.execution.result import Result

    errors = tuple(each for each in diagnostics if each.is_error)
    warnings = tuple(each for each in diagnostics if not each.is_error)
    return Result((), (), errors, warnings, 0.0, 0, 0, interrupted=interrupted)
