"""A cohort in the Python interface: its rows as they finish, its table and its summary."""

from __future__ import annotations

import atexit
import weakref
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any

from voxgpu.cohorts.attempts import Patience
from voxgpu.cohorts.column_types import kind_of_column, kind_of_text, typed
from voxgpu.cohorts.file_errors import file_errors
from voxgpu.cohorts.journal import Journal
from voxgpu.cohorts.part import journal_beside
from voxgpu.cohorts.placement import Placement
from voxgpu.cohorts.row import Row
from voxgpu.cohorts.run import Cohort as PlainCohort
from voxgpu.cohorts.run import CohortRun
from voxgpu.cohorts.statistics import NOT_FINITE
from voxgpu.cohorts.status import noting, run_begins, run_ends
from voxgpu.cohorts.summary import collected, summarize
from voxgpu.cohorts.table import columns_of, typed_columns, write_table
from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.files.errors import FileError
from voxgpu.python.cohort_bar import bar_for
from voxgpu.python.cohort_summary import CohortSummary
from voxgpu.python.progress import Progress
from voxgpu.session_settings import SessionSettings

if TYPE_CHECKING:
    from pandas import DataFrame

#: A row of the table by columns: ``case``, the swept variables, the labels that were printed,
#: ``seconds``, ``peak_bytes``, ``device``, ``worker``, ``status`` and ``error``.
CohortRow = dict[str, Any]

#: Cohorts with a table, which is written at the latest when the process ends.
_THERE: weakref.WeakSet[Cohort] = weakref.WeakSet()


class Cohort(AbstractContextManager["Cohort"]):
    """One program for many cases and combinations of swept variables; see ``voxgpu.cohort``.

    Iterating gives a dict for each row, as rows finish: first those that exist. Swept values that
    are numbers are numbers; sequences are tuples. What a row has no value of is no key of it.
    Leaving a loop early pauses: the next loop or ``run()`` goes on. ``cancel()``, leaving a
    ``with`` block, and Ctrl-C end the run: cases that are being computed are dropped, the table is
    written, and the same call of ``voxgpu.cohort`` goes on with a table. To be used in one thread.
    """

    def __init__(
        self,
        cohort: PlainCohort,
        settings: SessionSettings,
        placement: Placement,
        patience: Patience,
        table: Path | None,
        resume: bool,
        progress: bool | Callable[[Progress], None] | None,
    ) -> None:
        self._file = table
        self._progress = progress
        cohort.check()
        self._journal = None if table is None else _opened(cohort, table, resume)
        if self._journal is not None:
            # Not at exit, where the table is written from the journal first.
            weakref.finalize(self, self._journal.close).atexit = False
        settings = replace(
            settings,
            output=cohort.program.options.output,
            roots=cohort.program.options.roots,
            keep_images=False,
        )
        self._run = CohortRun(cohort, settings, placement, self._journal, patience=patience)
        self._cohort = cohort
        self._shape = len(cohort.cases), len(cohort.combinations)
        texts: dict[str, set[str]] = {}
        for each in cohort.combinations:
            for name, text in each:
                texts.setdefault(name, set()).add(kind_of_text(text))
        self._swept = {name: kind_of_column(kinds) for name, kinds in texts.items()}
        left = {(case.name, each) for case, every in self._run.left for each in every}
        #: Rows in the order in which they were found; those that exist first.
        self._order = [each for each in self._run.rows() if each.key not in left]
        self._failed = sum(not each.is_done for each in self._order)
        self._rows = self._finishing()
        self._is_ended = False
        if table is not None:
            # A script that Ctrl-C ends in its own part of a loop leaves a table, too.
            _THERE.add(self)

    @property
    def is_complete(self) -> bool:
        """Whether all rows exist; otherwise some are still to be computed, or the run has ended."""
        return len(self._order) == self._run.total

    def run(self) -> Cohort:
        """Compute all that is left; returns the cohort itself."""
        for _ in self._rows:
            pass
        return self

    def __len__(self) -> int:
        """The number of rows when all is done."""
        return self._run.total

    def __iter__(self) -> Iterator[CohortRow]:
        """Each row as a dict: those that exist, then the others as they finish."""
        number = 0
        while number < len(self._order) or next(self._rows, None) is not None:
            yield self._dict(self._order[number])
            number += 1

    @property
    def table(self) -> list[CohortRow]:
        """All rows, in the order of cases and combinations; computes what is left."""
        self.run()
        return self._dicts(self._run.rows())

    @property
    def failed(self) -> list[CohortRow]:
        """The rows that failed; computes what is left."""
        self.run()
        return self._dicts([each for each in self._run.rows() if not each.is_done])

    def to_pandas(self) -> DataFrame:
        """The table as a DataFrame, with a type for each column; computes what is left.

        Raises ImgqlError if pandas is not installed.
        """
        try:
            pandas = import_module("pandas")
        except ImportError:
            message, hint = "`to_pandas` needs pandas, which is not installed", "pip install pandas"
            raise ImgqlError([Diagnostic("E402", message, help=hint)]) from None
        self.run()
        rows = self._run.rows()
        columns, kinds = typed_columns(rows)
        records = [columns.record(row) for row in rows]
        whole = {"int": "int64", "bool": "bool", "float": "float64"}
        partial = {"int": "Int64", "bool": "boolean", "float": "float64"}
        data = {}
        for name in columns.names:
            values = [_public(kinds[name], each.get(name)) for each in records]
            types = partial if None in values else whole
            data[name] = pandas.Series(values, dtype=types.get(kinds[name], "object"))
        return pandas.DataFrame(data)

    def summary(
        self, maximize: str | Sequence[str] = (), minimize: str | Sequence[str] = ()
    ) -> CohortSummary:
        """Statistics of each label, and failures by message; computes what is left.

        maximize, minimize  labels of which the best combination is told, by the mean over cases

        Raises ValueError for labels of which there is no number.
        """
        self.run()
        return CohortSummary(summarize(self._run.rows(), _names(maximize), _names(minimize)))

    def plots(
        self,
        folder: str | Path,
        maximize: str | Sequence[str] = (),
        minimize: str | Sequence[str] = (),
    ) -> list[Path]:
        """Draw distributions of labels and heat maps, PNG and SVG; returns the PNG files.

        Raises ImgqlError if matplotlib is not installed or a file cannot be written.
        """
        from voxgpu.cohorts.plots import check_matplotlib, write_plots

        check_matplotlib()
        self.run()
        found = collected(self._run.rows()).measured
        with file_errors("E303"):
            return write_plots(Path(folder), found, _names(maximize), _names(minimize))

    def cancel(self) -> None:
        """End the run, and write the table of the rows that exist; nothing if it has ended."""
        self._rows.close()
        self._end()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the run."""
        self.cancel()

    def _finishing(self) -> Generator[Row, None, None]:
        """Compute what is left; the table is written at the end, however that comes."""
        bar = bar_for(self._progress, self._run.total, len(self._order))
        found = self._run.finishing()
        try:
            with file_errors("E303"), _noted(self._journal, self._cohort, self._run):
                for row in found:
                    self._order.append(row)
                    self._failed += not row.is_done
                    bar.show(row.case, len(self._order), self._failed)
                    yield row
        finally:
            try:
                found.close()
                bar.end()
            finally:
                self._end()

    def _end(self) -> None:
        """Write the table, and let others write the journal; once."""
        if self._is_ended:
            return
        self._is_ended = True
        if self._file is not None and self._journal is not None:
            self._journal.release()
            with file_errors("E303"):
                write_table(self._file, self._run.rows())

    def _dict(self, row: Row) -> CohortRow:
        return self._dicts([row])[0]

    def _dicts(self, rows: Sequence[Row]) -> list[CohortRow]:
        columns = columns_of(rows)
        swept = {column: self._swept[name] for name, column in columns.swept.items()}
        return [
            {
                name: _public(swept.get(name, ""), value)
                for name, value in columns.record(row).items()
                if value is not None
            }
            for row in rows
        ]

    def __repr__(self) -> str:
        cases, combinations = self._shape
        size = f"{cases} cases" + (f" × {combinations} combinations" if combinations > 1 else "")
        failed = f", {self._failed} failed" if self._failed else ""
        return f"<voxgpu.Cohort: {size}, {len(self._order)} of {self._run.total} rows{failed}>"

    def _repr_html_(self) -> str:
        """The first rows that exist, for notebooks; computes nothing."""
        from voxgpu.python.cohort_html import table_html

        return table_html(repr(self), self._dicts(self._order[:20]), len(self._order))


def _opened(cohort: PlainCohort, table: Path, resume: bool) -> Journal:
    path = journal_beside(table)
    with file_errors("E303"):
        return Journal(path, cohort.about(path.parent), resume)


@contextmanager
def _noted(journal: Journal | None, cohort: PlainCohort, run: CohortRun) -> Iterator[None]:
    """Note in a journal when the run begins and ends, for `voxgpu cohort --status`."""
    if journal is None:
        yield
        return
    note, start = noting(journal), monotonic()
    note(run_begins(cohort, run.total, run.known))
    try:
        yield
    except BaseException as error:
        with suppress(FileError):  # rows have met what is wrong before
            note(run_ends(error, monotonic() - start))
        raise
    note(run_ends(None, monotonic() - start))


@atexit.register
def _cancel_all() -> None:
    for each in list(_THERE):
        each.cancel()


def _names(labels: str | Sequence[str]) -> Sequence[str]:
    return (labels,) if isinstance(labels, str) else labels


def _public(kind: str, value: Any) -> Any:
    """A value for users: numbers are numbers, sequences tuples."""
    if isinstance(value, list):
        return tuple(_public("", each) for each in value)
    if kind in ("int", "float") or (not kind and isinstance(value, str) and value in NOT_FINITE):
        with suppress(ValueError):
            return typed(kind or "float", value)
    return value
