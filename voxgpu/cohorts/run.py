"""A cohort being run: what is left of it, rows as they finish, and all rows in their order."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from voxgpu.cohorts.about import about
from voxgpu.cohorts.attempts import DEATHS_FOR_GOOD, Attempts, Patience, Task
from voxgpu.cohorts.cases import Case
from voxgpu.cohorts.evaluate import CaseSession, Outcome, Program
from voxgpu.cohorts.events import NOTE, Listener, happened, ignore, watched_outcome
from voxgpu.cohorts.journal import Journal
from voxgpu.cohorts.kept_rows import KeptRows
from voxgpu.cohorts.part import part_of
from voxgpu.cohorts.placement import Placement
from voxgpu.cohorts.prefetch import reading_ahead
from voxgpu.cohorts.row import DONE, SET_ASIDE, Row
from voxgpu.cohorts.sizing import decided
from voxgpu.cohorts.stopping import Stopping
from voxgpu.cohorts.sweep import Combination
from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.frozen import frozen
from voxgpu.session_settings import SessionSettings

#: Codes of mistakes that are the same whatever the case is: syntax, names, numbers of arguments.
_OF_TEXT = frozenset(["E100", "E101", "E103", "E109", "E111"])


@frozen
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

    @property
    def own_numbers(self) -> Sequence[int]:
        """Where the cases of this part are among all."""
        every = range(len(self.cases))
        return every if self.part is None else part_of(every, *self.part)

    def about(self, folder: Path) -> dict[str, Any]:
        """What rows of a journal in ``folder`` are of; they are used again where it is equal."""
        return about(self.program, self.combinations[0], folder)

    def check(self) -> None:
        """Raise ImgqlError for mistakes in the program that no case could be without."""
        compiled = self.program.compiled(Case("any", "any"), self.combinations[0], None)
        errors = [each for each in compiled.errors if each.code in _OF_TEXT]
        if errors:
            raise ImgqlError(errors)

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
    """A running cohort, with the rows of earlier runs and those that finish.

    journal   where rows are kept as they finish; None keeps them in memory alone
    tell      is told where cases run, when they begin and end, and when workers come and go, in
              any thread
    patience  how often and how long cases are tried
    stopping  how the run is asked to end

    left       the tasks that were left when the run began
    total      how many rows there are when all is done
    known      how many of them there were before
    stale      why cases that had rows are run again, and how many they are
    set_aside  how many cases are not run, since workers died of them again and again
    """

    def __init__(
        self,
        cohort: Cohort,
        settings: SessionSettings,
        placement: Placement,
        journal: Journal | None = None,
        tell: Listener = ignore,
        patience: Patience | None = None,
        stopping: Stopping | None = None,
    ) -> None:
        self._cohort = cohort
        self._tell = tell
        self._settings = settings
        self._placement = placement
        self._patience = patience or Patience()
        self._stopping = stopping or Stopping()
        self._kept = KeptRows(cohort.cases, cohort.combinations, journal)
        self.stale = self._kept.stale
        self.set_aside = 0
        self.left = self._tasks_left()
        self.total = len(cohort.own_numbers) * len(cohort.combinations)
        self.known = self.total - sum(len(each) for _, each in self.left)

    def _tasks_left(self) -> list[Task]:
        """The cases and combinations that have no row yet, or one of a failure."""
        cohort, found = self._cohort, list[Task]()
        for number in cohort.own_numbers:
            case = cohort.cases[number]
            statuses = self._kept.statuses(number)
            for_good = self._kept.deaths.get(case.name, 0) >= DEATHS_FOR_GOOD
            if for_good and SET_ASIDE in statuses and not self._patience.run_set_aside:
                self.set_aside += 1
            elif DONE not in statuses:
                found.append((case, cohort.combinations))
            elif left := [n for n, status in enumerate(statuses) if status != DONE]:
                found.append((case, [cohort.combinations[n] for n in left]))
        return found

    def finishing(self, at_end: Callable[[], object] = lambda: None) -> Generator[Row, None, None]:
        """Runs what is left; yields each row when the journal has it.

        Closing the generator ends the run: cases that are being computed are dropped.

        at_end  called when no further row comes, before workers are ended
        """
        with closing(self._outcomes(at_end)) as found:
            for batch in found:
                yield from self._kept.add(batch)

    def _outcomes(self, at_end: Callable[[], object]) -> Generator[list[Outcome], None, None]:
        """What comes of the tasks that are left, where the placement says."""
        program, settings = self._cohort.program, self._settings
        if not self.left:
            at_end()
            return
        placement = decided(self._placement, program, self.left, settings, self._say)
        attempts = Attempts(self._patience, self._kept.deaths)
        tasks = attempts.without_deaths(self.left)
        if placement.is_here:
            with CaseSession(settings) as session, _ended_by(at_end):
                yield from self._outcomes_here(session, tasks, attempts)
            return
        from voxgpu.cohorts.clusters.connect import connected

        with (
            connected(placement, settings, len(self.left), self._say) as (joined, workforce),
            _ended_by(at_end),
        ):
            from voxgpu.cohorts.on_worker import Job
            from voxgpu.cohorts.workers import outcomes_from_workers

            job = Job(program, tuple(self._cohort.combinations), joined.settings, Path.cwd())
            yield from outcomes_from_workers(
                joined, workforce, job, tasks, attempts, self._stopping, self._tell
            )

    def _say(self, text: str) -> None:
        self._tell(happened(NOTE, text=text))

    def _outcomes_here(
        self, session: CaseSession, tasks: Iterable[Task], attempts: Attempts
    ) -> Iterator[list[Outcome]]:
        program = self._cohort.program
        while True:
            for case, combinations in reading_ahead(session, program, tasks):
                if self._stopping.is_asked:
                    return
                record, rows = watched_outcome(session, program, case, combinations, self._tell)
                if final := attempts.settle(case, rows):
                    yield [(record, final)]
            tasks = attempts.again()
            if not tasks:
                return

    def rows(self) -> Sequence[Row]:
        """The rows that are there, in the order of cases and combinations.

        Those of a journal are read from it one after the other.
        """
        return self._kept.among(self._cohort.own_numbers)


@contextmanager
def _ended_by(at_end: Callable[[], object]) -> Iterator[None]:
    """Has ``at_end`` called when the block ends, unless the generator that it is in is closed."""
    try:
        yield
    except GeneratorExit:
        raise
    except BaseException:
        at_end()
        raise
    at_end()
