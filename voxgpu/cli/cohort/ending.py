"""Options that say how long cases are tried and how a run ends; and how one goes on after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

import click

from voxgpu.cli.shutdown import work_has_ended

if TYPE_CHECKING:
    from voxgpu.cohorts.attempts import Patience
    from voxgpu.cohorts.row import Row
    from voxgpu.cohorts.run import Cohort, CohortRun

_Command = TypeVar("_Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--retry",
        type=click.IntRange(min=0),
        default=0,
        metavar="N",
        help="Try a case again up to N times, after all others, if its failure may pass: of "
        "reading and writing files, of memory, of a device, within a computation. Errors in the "
        "program are not tried again, cases whose worker died always are.",
    ),
    click.option(
        "--case-timeout",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        help="End a case that takes longer, together with its worker, as if that had died (with "
        "workers only).",
    ),
    click.option(
        "--run-set-aside",
        is_flag=True,
        help="Run also cases that workers have died of again and again.",
    ),
    click.option(
        "--grace",
        type=click.FloatRange(min=0),
        default=5.0,
        show_default=True,
        metavar="SECONDS",
        help="On Ctrl-C or SIGTERM give cases that run so long to finish; 0 drops them at once, "
        "as the second Ctrl-C does.",
    ),
)


def with_ending(command: _Command) -> _Command:
    """Add the options that say how long cases are tried and how a run ends."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def patience_of(arguments: dict[str, Any]) -> Patience:
    """How long cases are tried, as the options say."""
    from voxgpu.cohorts.attempts import Patience

    return Patience(arguments["retry"], arguments["run_set_aside"], arguments["case_timeout"])


class Ending:
    """Writes the table of a run when it ends, however that is, and says how it goes on.

    also  what else is written of the rows; None: nothing
    """

    def __init__(
        self,
        table: Path,
        cohort: Cohort,
        run: CohortRun,
        also: Callable[[Iterable[Row]], object] | None = None,
    ) -> None:
        self._table, self._cohort, self._run, self._also = table, cohort, run, also
        self._lock = RLock()
        self._is_written = False

    def write(self) -> None:
        """Write the table, unless that was done. Raises FileError where it cannot be written."""
        from voxgpu.cohorts.table import write_table

        with self._lock:
            work_has_ended()
            if not self._is_written:
                self._is_written = True
                write_table(self._table, self._run.rows())
                if self._also is not None:
                    self._also(self._run.rows())

    @property
    def is_complete(self) -> bool:
        """Whether all rows are there."""
        return len(self._run.rows()) == self._run.total

    def last_line(self) -> str:
        """Write the table; return a line with the rows, their place, and how to resume."""
        from voxgpu.files.errors import FileError

        part = self._cohort.part
        where = f"`{self._table}`"
        try:
            self.write()
        except FileError as error:
            where = f"`{self._table}.journal` ({error})"
        numbers = f"{len(self._run.rows())} of {self._run.total} rows are in {where}"
        again = "the same command goes on"
        if part is not None:
            again += f" with part {part[0]}/{part[1]}"
        return f"{numbers}; {again}"
