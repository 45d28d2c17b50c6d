"""Failures that are tried again, and cases that are set aside since workers die of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from voxgpu.cohorts.cases import Case
from voxgpu.cohorts.row import FAILED, SET_ASIDE, Row
from voxgpu.cohorts.sweep import Combination
from voxgpu.frozen import frozen

#: A case with the combinations that are to be run for it.
Task = tuple[Case, Sequence[Combination]]

#: Deaths of workers after which a case is set aside, in one run.
MOST_DEATHS = 2

#: Deaths of workers, over all runs, after which a case is only run when that is asked for.
DEATHS_FOR_GOOD = 4

_NUMBERS = {2: "two", 3: "three", 4: "four"}


@frozen
class Patience:
    """How long cases are tried.

    retries        how often a case is tried again whose failure may not come again
    run_set_aside  run also the cases that workers have died of again and again
    case_seconds   seconds after which a case is ended together with its worker; None: never
    """

    retries: int = 0
    run_set_aside: bool = False
    case_seconds: float | None = None


class Attempts:
    """What has been tried in a run, and what to retry when everything else is done.

    deaths  number of workers that cases killed in earlier runs
    """

    def __init__(
        self, patience: Patience | None = None, deaths: Mapping[str, int] | None = None
    ) -> None:
        self.patience = patience or Patience()
        self._deaths = Counter(deaths or {})
        #: Deaths that set a case aside in this run: one more suffices where it was before.
        self._bounds = {name: count + 1 for name, count in self._deaths.items()}
        self._tries: Counter[str] = Counter()
        self._again: list[Task] = []

    def settle(self, case: Case, rows: Sequence[Row]) -> list[Row]:
        """The rows that are final; the others are of combinations that are tried again."""
        self._tries[case.name] += 1
        tries = self._tries[case.name]
        again = [each for each in rows if _may_succeed(each)]
        if not again:
            del self._tries[case.name]
        elif tries <= self.patience.retries:
            self._again.append((case, [each.combination for each in again]))
            return [each for each in rows if not _may_succeed(each)]
        return [_told(each, tries) for each in rows]

    def died(self, task: Task, how: str) -> list[Row]:
        """Return the rows of a case that killed a worker, if it is set aside; else retry it.

        how  what happened, as it is told
        """
        case, combinations = task
        self._deaths[case.name] += 1
        deaths = self._deaths[case.name]
        if deaths < self._bounds.get(case.name, MOST_DEATHS):
            self._again.append(task)
            return []
        number = _NUMBERS.get(deaths, str(deaths))
        text = f"{number} workers died while they ran this case: {how}"
        if deaths >= DEATHS_FOR_GOOD:
            text += "; --run-set-aside runs it again"
        row = Row(case.name, (), status=SET_ASIDE, error=text, deaths=deaths)
        return [replace(row, combination=each) for each in combinations]

    def without_deaths(self, tasks: Sequence[Task]) -> Sequence[Task]:
        """The tasks, without those that workers died of in earlier runs: these are tried last."""
        if not self._deaths:
            return tasks
        self._again += [each for each in tasks if self._deaths[each[0].name]]
        return [each for each in tasks if not self._deaths[each[0].name]]

    def deaths(self, case: str) -> int:
        """The number of workers that died while they ran a case."""
        return self._deaths[case]

    def again(self) -> list[Task]:
        """What is to be tried again now; afterwards nothing is."""
        found, self._again = self._again, []
        return found


def _may_succeed(row: Row) -> bool:
    """Whether the same may come out otherwise when it is tried again."""
    return row.status == FAILED and row.transient


def _told(row: Row, tries: int) -> Row:
    if row.is_done or not row.transient or tries < 2:
        return row
    return replace(row, error=f"{row.error} (tried {tries} times)")
