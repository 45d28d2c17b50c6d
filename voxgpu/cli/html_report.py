"""``--report`` of ``voxgpu run``: its checks before the run, and the page after it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from voxgpu.cli.options import UserPath, check_writable

if TYPE_CHECKING:
    from voxgpu.cli.run_profile import Profiling
    from voxgpu.compile import Compiled
    from voxgpu.diagnostics import Source
    from voxgpu.execution.events import Finished
    from voxgpu.execution.result import Result
    from voxgpu.ids import ValueId
    from voxgpu.primitives.primitive import Value
    from voxgpu.provenance.run_report import RunReport

#: Suffixes of pages.
_SUFFIXES = (".html", ".htm")

report_option = click.option(
    "--report",
    type=UserPath(path_type=Path, readable=False),
    metavar="FILE.html",
    help="Write a page for browsers: program, values, pictures of saved images, plan and times.",
)

report_data_option = click.option(
    "--report-data",
    type=click.Choice(["embed", "beside"]),
    default="embed",
    show_default=True,
    help="Put the images of a report into the page, or beside it, into the folder FILE_files.",
)


def check_report(path: Path | None) -> None:
    """Raise BadParameter or ImgqlError for a page that cannot be written, before anything runs."""
    if path is None:
        return
    if path.suffix.lower() not in _SUFFIXES:
        raise click.BadParameter("a report ends in .html", param_hint="--report")
    check_writable(path, "--report")


class RunPage:
    """The page of a run, for which a run notes its program, plan and events.

    path       where the page goes; None: there is none, and nothing is noted
    is_beside  whether its images go beside it
    """

    def __init__(self, path: Path | None, is_beside: bool = False) -> None:
        self.path, self._is_beside = path, is_beside
        self.source: Source | None = None
        self.compiled: Compiled | None = None
        self._scalars: dict[ValueId, Value] = {}

    def note(self, event: Finished) -> None:
        """Take up the numbers, truth values and texts that a task has computed."""
        if self.path is not None:
            self._scalars |= event.scalars

    def write(self, result: Result, report: RunReport, noted: Profiling) -> None:
        """Write the page, unless there was no program. Raises FileError if that is impossible."""
        if self.path is None or self.source is None:
            return
        from voxgpu.report.run_contents import RunContents
        from voxgpu.report.run_page import write_run_report

        contents = RunContents(
            self.source,
            self.compiled,
            result,
            report.as_json(),
            noted.recorder,
            noted.start,
            noted.end,
            noted.device,
            self._scalars,
        )
        write_run_report(self.path, contents, self._is_beside)
