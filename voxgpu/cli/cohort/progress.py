"""Options for watching a cohort, and its display while it runs.

On a terminal that is a line for each worker and a bar for the cohort; elsewhere a line every half
minute. Cases that fail are told as they do, above the bar.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.cohort.watch import Lines, Watch
from voxgpu.cli.options import UserPath, option_group
from voxgpu.cli.terminal import print_stderr
from voxgpu.cohorts.file_errors import file_errors

if TYPE_CHECKING:
    from voxgpu.cohorts.log import EventLog

#: Adds the options that say how a cohort is watched.
with_watching = option_group(
    click.option(
        "-q", "--quiet", is_flag=True, help="No progress, and not how many rows there are."
    ),
    click.option(
        "--log",
        type=UserPath(path_type=Path, readable=False),
        metavar="FILE.jsonl",
        help="Append a JSON object to FILE for each case that begins or ends, worker, and run.",
    ),
)


@contextmanager
def watching(arguments: dict[str, Any]) -> Iterator[Watch]:
    """Who shows and logs a run, as the options say.

    Raises ImgqlError where the log cannot be written.
    """
    from voxgpu.cohorts.log import EventLog

    log: EventLog | None = None
    if arguments["log"] is not None:
        with file_errors("E303"):
            log = EventLog(arguments["log"])
    watch = _watch(arguments["quiet"], log)
    try:
        yield watch
    finally:
        if log is not None:
            log.close()
            if log.problem is not None and not arguments["quiet"]:
                print_stderr(f"warning: {log.problem}: the log is not complete")


def _watch(quiet: bool, log: EventLog | None) -> Watch:
    if quiet:
        return Watch(log)
    if not sys.stderr.isatty():
        return Lines(log)
    from voxgpu.cli.cohort.display import Display

    return Display(log)
