"""Options for retries, time limits and the end of a run; writing the table and a message then."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

import click

from voxgpu.cli.options import option_group
from voxgpu.cli.parameter_types import Number
from voxgpu.cli.shutdown import work_has_ended

if TYPE_CHECKING:
    from voxgpu.cohorts.attempts import Patience
    from voxgpu.cohorts.row import Row
    from voxgpu.cohorts.run import Cohort, CohortRun

#: Adds the options for retries, time limits and the end of a run.
with_ending = option_group(
    click.option(
        "--retry",
        type=click.IntRange(min=0),
        default=0,
        metavar="N",
        help="Retry a case up to N times, after all others, if the failure may be temporary "
        "(files, memory, device, unexpected exceptions). Errors in the program are never retried; "
        "cases whose worker died always are, until they are set aside.",
    ),
    click.option(
        "--case-timeout",
        type=Number(min=0, min_open=True),
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
        type=Number(min=0),
        default=5.0,
        show_default=True,
        metavar="SECONDS",
        help="On Ctrl-C or SIGTERM, wait this long for running cases to finish; 0 drops them at "
        "once, as a second Ctrl-C does.",
    ),
)


def patience_of(arguments: dict[str, Any]) -> Patience:
    """The retries and time limits that the options ask for."""
    from voxgpu.cohorts.attempts import Patience

    return Patience(arguments["retry"], arguments["run_set_aside"], arguments["case_timeout"])


class Ending:
    """Writes the table when a run ends, in whatever way, and tells how to resume the run.

    also  a function that writes more files from the rows; None: there are no more
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
        """Write the table unless it is written. Raises FileError if it cannot be written."""
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

    def write_and_report(self) -> str:
        """Write the table; return a line: how many rows there are, where, and how to resume."""
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
