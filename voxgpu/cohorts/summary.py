"""The summary of a cohort: statistics of its labels, the best combination, and its failures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import isclose

from voxgpu.cohorts.row import Row
from voxgpu.cohorts.statistics import Measured, Statistics
from voxgpu.cohorts.sweep import Combination
from voxgpu.frozen import frozen


@frozen(slots=True)
class Best:
    """The combinations whose mean of a label over cases is the greatest or the least.

    goal          ``max`` or ``min``
    combinations  more than one if they tie
    mean          their mean; NaN where no combination has a finite number
    cases         over how many cases, of the first of them
    uneven        the fewest and the most cases of any combination, if these differ: means of
                  different cases were compared
    """

    label: str
    goal: str
    combinations: tuple[Combination, ...]
    mean: float
    cases: int
    uneven: tuple[int, int] | None = None


@frozen(slots=True)
class FailureGroup:
    """Rows that failed with one message, in which ``…`` stands for the name of the case."""

    message: str
    cases: tuple[str, ...]
    rows: int


@dataclass
class Collected:
    """What a summary is made of, collected from rows one after the other."""

    measured: Measured = field(default_factory=Measured)
    cases: set[str] = field(default_factory=set)
    rows: int = 0
    failed: int = 0
    seconds: float = 0.0
    peak: int = 0
    _failures: dict[str, tuple[dict[str, None], list[int]]] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        """Add a row."""
        self.measured.add(row)
        self.cases.add(row.case)
        self.rows += 1
        self.seconds += row.seconds
        self.peak = max(self.peak, row.peak)
        if not row.is_done:
            self.failed += 1
            message = without_name(row.error, row.case)
            cases, count = self._failures.setdefault(message, ({}, [0]))
            cases[row.case] = None
            count[0] += 1

    def failures(self) -> tuple[FailureGroup, ...]:
        """Rows that failed, by message; those of most cases first."""
        groups = [
            FailureGroup(message, tuple(cases), count)
            for message, (cases, (count,)) in self._failures.items()
        ]
        return tuple(sorted(groups, key=lambda each: (-len(each.cases), -each.rows)))


@frozen(slots=True)
class Summary:
    """The summary of a cohort.

    rows cases combinations  how many there are
    failed                   how many rows failed; they are in no statistics
    overall                  statistics of each label over all rows
    by_combination           those for each combination; empty if there is only one
    texts                    for each label of texts: the texts, the most frequent first, and how
                             often each was printed
    long                     labels of sequences that have too many items, and how many
    failures                 rows that failed, by message; those of most cases first
    seconds                  wall time of the rows in all, in seconds
    peak                     the most memory that a process took, in bytes; 0 if unknown
    """

    rows: int
    cases: int
    combinations: int
    failed: int
    overall: tuple[Statistics, ...]
    by_combination: tuple[Statistics, ...]
    texts: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    long: tuple[tuple[str, int], ...]
    best: tuple[Best, ...]
    failures: tuple[FailureGroup, ...]
    seconds: float
    peak: int


def collected(rows: Iterable[Row]) -> Collected:
    """Gather what a summary needs from rows, which are iterated once."""
    found = Collected()
    for row in rows:
        found.add(row)
    return found


def summarize(
    rows: Iterable[Row] | Collected, maximize: Sequence[str] = (), minimize: Sequence[str] = ()
) -> Summary:
    """Summarize rows.

    maximize, minimize  labels whose mean over cases is to be the greatest or the least

    Raises ValueError for a label that no row has a number of.
    """
    found = rows if isinstance(rows, Collected) else collected(rows)
    measured = found.measured
    for label in (*maximize, *minimize):
        _check_label(measured, label, every_failed=found.failed == found.rows)
    combinations = measured.combinations
    several = combinations if len(combinations) > 1 else ()
    return Summary(
        rows=found.rows,
        cases=len(found.cases),
        combinations=len(combinations),
        failed=found.failed,
        overall=tuple(measured.statistics(each) for each in measured.numbers),
        by_combination=tuple(
            measured.statistics(label, each) for label in measured.numbers for each in several
        ),
        texts=tuple((label, tuple(texts.most_common())) for label, texts in measured.texts.items()),
        long=tuple(measured.long.items()),
        best=(
            *(_best_of(measured, label, "max") for label in maximize),
            *(_best_of(measured, label, "min") for label in minimize),
        ),
        failures=found.failures(),
        seconds=found.seconds,
        peak=found.peak,
    )


def _check_label(found: Measured, label: str, every_failed: bool) -> None:
    if label not in found.numbers and not every_failed:
        known = ", ".join(f"`{each}`" for each in found.numbers) or "none"
        raise ValueError(f"no row has a number `{label}`; labels of numbers: {known}")


def _best_of(found: Measured, label: str, goal: str) -> Best:
    """The combinations with the greatest (``max``) or least (``min``) mean of a label."""
    statistics = [(each, found.statistics(label, each)) for each in found.combinations]
    known = [(each, one) for each, one in statistics if one.count]
    if not known:
        return Best(label, goal, (), float("nan"), 0)
    mean = (max if goal == "max" else min)(one.mean for _, one in known)
    # Means of the same numbers in another order may differ in the last digits.
    ties = [(each, one) for each, one in known if isclose(one.mean, mean, rel_tol=1e-12)]
    counts = [one.count for _, one in statistics]
    uneven = (min(counts), max(counts)) if min(counts) != max(counts) else None
    return Best(label, goal, tuple(each for each, _ in ties), mean, ties[0][1].count, uneven)


def without_name(message: str, case: str) -> str:
    """The message with ``…`` for the name of the case, wherever it stands as a whole word."""
    if not case or case not in message:
        return message
    return re.sub(rf"(?<!\w){re.escape(case)}(?!\w)", "…", message)
