"""A cohort being run: what is left of it, rows as they finish, and all rows in their order."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from voxgpu.cohorts.cases import Case
from voxgpu.cohorts.evaluate import CaseSession, Program
from voxgpu.cohorts.events import NOTE, Listener, happened, ignore, watched_rows
from voxgpu.cohorts.journal import Journal, Key
from voxgpu.cohorts.part import part_of
from voxgpu.cohorts.placement import Placement
from voxgpu.cohorts.row import DONE, FAILED, Row
from voxgpu.cohorts.sizing import Task, decided
from voxgpu.cohorts.sweep import Combination
from voxgpu.diagnostics import Diagnostic
from voxgpu.session_settings import SessionSettings
from voxgpu.version import __version__


@dataclass(frozen=True)
class Cohort:
    """A program, the cases it runs for, and the combinations of swept variables for each.

    cases         all of them, in the order of the table
    combinations  at least one: the empty one if nothing is swept
    part          the part that this process runs, and of how many; None for all cases
    """

    program: Program
    cases: Sequence[Case]
    combinations: Sequence[Combination]
    part: tuple[int, int] | None = None

    @property
    def own_cases(self) -> Sequence[Case]:
        """The cases of this part."""
        return self.cases if self.part is None else part_of(self.cases, *self.part)

    def about(self) -> dict[str, Any]:
        """What rows of a journal are of: they are used again where this is equal.

        The text of the program and of all it imports, definitions, names of swept variables,
        options that bear on values, and the version of voxgpu.
        """
        first = self.combinations[0]
        compiled = self.program.compiled(Case("any", "any"), first, None)
        texts = {command.span.source.text for command in compiled.commands}
        text = "\0".join([self.program.source.text, *sorted(texts)])
        options = self.program.options
        return {
            "voxgpu": __version__,
            "program": hashlib.sha256(text.encode()).hexdigest(),
            "definitions": dict(options.define),
            "swept": [name for name, _ in first],
            "options": repr((options.dialect, options.adopt, options.read, options.tolerance)),
        }

    def errors_by_case(self) -> Iterator[tuple[Case, list[Diagnostic]]]:
        """For each case what is wrong with the program, from headers alone: nothing is computed."""
        for case in self.own_cases:
            yield case, self.errors_of(case, self.combinations)

    def errors_of(self, case: Case, combinations: Iterable[Combination]) -> list[Diagnostic]:
        """What is wrong with the program for a case and these combinations, each once."""
        found: dict[Diagnostic, None] = {}
        for each in combinations:
            try:
                compiled = self.program.compiled(case, each, None)
            except ValueError as error:
                found[Diagnostic("E104", str(error))] = None
                continue
            found |= dict.fromkeys(compiled.errors)
        return list(found)


class CohortRun:
    """A cohort that is being run, with the rows that were there before and those that finish.

    journal  where rows are kept as they finish; None keeps them in memory alone
    tell     is told where cases run, when they begin and end, and when workers come and go, in any
             thread
    """

    def __init__(
        self,
        cohort: Cohort,
        settings: SessionSettings,
        placement: Placement,
        journal: Journal | None = None,
        tell: Listener = ignore,
    ) -> None:
        self._cohort = cohort
        self._tell = tell
        self._settings = settings
        self._placement = placement
        self._journal = journal
        self._rows: dict[Key, Row] = {} if journal is None else journal.rows
        self._case_places = {each.name: number for number, each in enumerate(cohort.cases)}
        self._combination_places = {each: number for number, each in enumerate(cohort.combinations)}
        #: The tasks that were left when the run began.
        self.left = tasks_left(cohort.own_cases, cohort.combinations, self._rows)
        #: How many rows there are when all is done, and how many there were before.
        self.total = len(cohort.own_cases) * len(cohort.combinations)
        self.known = self.total - sum(len(each) for _, each in self.left)

    def finishing(self) -> Generator[Row, None, None]:
        """Runs what is left; yields each row when the journal has it.

        Closing the generator ends the run: cases that are being computed are dropped.
        """
        cohort = self._cohort
        about = cohort.program, self.left, self._settings, self._placement
        found = computed_rows(*about, self._tell)
        with closing(found):
            for row in found:
                row = replace(row, place=self._place_of(row))
                if self._journal is None:
                    self._rows[row.key] = row
                else:
                    self._journal.add(row)
                yield row

    def _place_of(self, row: Row) -> tuple[int, int]:
        return self._case_places[row.case], self._combination_places[row.combination]

    def rows(self) -> list[Row]:
        """The rows that are there, in the order of cases and combinations."""
        keys = (
            (c.name, each) for c in self._cohort.own_cases for each in self._cohort.combinations
        )
        return [self._rows[key] for key in keys if key in self._rows]


def computed_rows(
    program: Program,
    left: Sequence[Task],
    settings: SessionSettings,
    placement: Placement,
    tell: Listener = ignore,
) -> Generator[Row, None, None]:
    """The rows of these tasks as they finish, where the placement says."""
    if not left:
        return

    def say(text: str) -> None:
        tell(happened(NOTE, text=text))

    placement = decided(placement, program, left, settings, say)
    if placement.is_here:
        with CaseSession(settings) as session:
            for case, combinations in left:
                yield from watched_rows(session, program, case, combinations, tell)
        return
    from voxgpu.cohorts.clusters.connect import connected
    from voxgpu.cohorts.workers import rows_from_workers

    with connected(placement, settings, len(left), say) as (joined, workforce):
        yield from rows_from_workers(joined, workforce, program, left, tell)


def tasks_left(
    cases: Iterable[Case], combinations: Sequence[Combination], rows: Mapping[Key, Row]
) -> list[Task]:
    """The cases and combinations that have no row yet, or one of a failure."""
    found: list[Task] = []
    for case in cases:
        left = [
            each
            for each in combinations
            if (row := rows.get((case.name, each))) is None or row.status != DONE
        ]
        if left:
            found.append((case, left))
    return found


def by_error(rows: Iterable[Row]) -> list[tuple[str, list[str]]]:
    """Messages of failed rows, most frequent first, each with the cases that failed with it."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row.status == FAILED:
            names = found.setdefault(row.error.replace(row.case, "…"), [])
            if row.case not in names:
                names.append(row.case)
    return sorted(found.items(), key=lambda each: -len(each[1]))
