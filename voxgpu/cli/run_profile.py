"""``--profile`` and ``--trace`` of ``voxgpu run``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import click

from voxgpu.cli.options import UserPath, check_writable
from voxgpu.cli.terminal import print_stderr
from voxgpu.spans import Recorder

#: The value of ``--profile`` without a file.
SHOWN = "-"


class ProfiledCommand(click.Command):
    """A command whose ``--profile`` may be followed by a ``.json`` file, and need not be."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments."""
        return super().parse_args(ctx, list(_with_values(args)))


def _with_values(arguments: Sequence[str]) -> Iterator[str]:
    waiting = False
    for each in arguments:
        if waiting:
            is_file = each.lower().endswith(".json")
            yield f"--profile={each if is_file else SHOWN}"
            waiting = False
            if is_file:
                continue
        if each == "--profile":
            waiting = True
        else:
            yield each
    if waiting:
        yield f"--profile={SHOWN}"


profile_option = click.option(
    "--profile",
    metavar="[FILE.json]",
    help="Show where the time went: by primitive, kernel and line; or write it to FILE.json.",
)
trace_option = click.option(
    "--trace",
    type=UserPath(path_type=Path, readable=False),
    metavar="FILE.json",
    help="Write what each thread did and when, for ui.perfetto.dev or chrome://tracing.",
)


def check_profiles(profile: str | None, trace: Path | None) -> None:
    """Raise BadParameter or ImgqlError for files that cannot be written, before anything runs.

    Only ``.json`` files are written, so that no program and no image is overwritten by mistake.
    """
    if trace is not None:
        if trace.suffix.lower() != ".json":
            raise click.BadParameter("a trace ends in .json", param_hint="--trace")
        check_writable(trace, "--trace")
    path = profile_file(profile)
    if path is None:
        return
    if path.suffix.lower() != ".json":
        raise click.BadParameter("a profile ends in .json", param_hint="--profile")
    check_writable(path, "--profile")


def profile_file(profile: str | None) -> Path | None:
    """The file of ``--profile``; None if there is none."""
    return None if profile is None or profile == SHOWN else Path(profile)


@dataclass
class Profiling:
    """What is recorded, and its details.

    start end  of the run, in seconds of ``perf_counter``
    trace      the path of the trace, if one is asked for
    """

    device: str = ""
    trace: Path | None = None
    recorder: Recorder = field(default_factory=Recorder)
    start: float = 0.0
    end: float = 0.0


@contextmanager
def profiling(
    profile: str | None, trace: Path | None, is_reported: bool = False
) -> Iterator[Profiling]:
    """Record the block, then show or write its profile and its trace, if anything was run.

    is_reported  record also if neither is asked for

    Raises FileError if a file cannot be written.
    """
    if profile is None and trace is None and not is_reported:
        yield Profiling()
        return
    from voxgpu.files.whole_file import write_whole
    from voxgpu.profiling.shares import seconds_since_start
    from voxgpu.spans import recording

    noted = Profiling(trace=trace)
    recorder = noted.recorder
    start = noted.start = perf_counter() - seconds_since_start()
    try:
        with recording(recorder), _sampled_memory() if trace is not None else nullcontext():
            yield noted
    finally:
        end = noted.end = perf_counter()
        if trace is not None and recorder.plans:
            from voxgpu.profiling.trace import trace_text

            write_whole(trace, trace_text(recorder, start).encode())
        if profile is not None and recorder.plans:
            from voxgpu.profiling.profile import profile_of, text_of

            found = profile_of(recorder, start, end, noted.device)
            if profile == SHOWN:
                print_stderr(text_of(found))
            else:
                text = json.dumps(found.as_json(), indent=1)
                write_whole(Path(profile), text.encode())


def _sampled_memory() -> AbstractContextManager[None]:
    from voxgpu.profiling.sample_memory import sampled_memory

    return sampled_memory()
