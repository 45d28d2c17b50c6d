"""Statistics of what a cohort printed: for each label, over all rows and for each combination."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import nan
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.cohorts.row import Row
from voxgpu.cohorts.sweep import Combination
from voxgpu.frozen import frozen

Numbers = npt.NDArray[np.float64]

#: What numbers that JSON lacks are called in rows.
NOT_FINITE = {"nan": nan, "inf": float("inf"), "-inf": float("-inf")}

#: The most items of a sequence that are looked at one by one.
MOST_ITEMS = 64


@frozen(slots=True)
class Statistics:
    """Statistics of the numbers of one label.

    combination  the combination of swept variables; None for all rows
    count        how many finite numbers there are: the others are about these
    nan          how many rows have NaN
    infinite     how many have an infinity
    missing      how many rows that did not fail have no number under the label
    failed       how many rows that failed have a number nevertheless, which is in no figure
    mean         their sum by their count
    sd           standard deviation of a sample: the divisor is ``count - 1``; NaN for one number
    q1 median q3 quartiles by linear interpolation between neighbors (Hyndman and Fan's type 7)

    NaN where there is no number.
    """

    label: str
    combination: Combination | None
    count: int
    nan: int
    infinite: int
    missing: int
    failed: int
    mean: float
    sd: float
    min: float
    q1: float
    median: float
    q3: float
    max: float


@dataclass
class Measured:
    """The printed values of rows, by label and combination.

    numbers  numbers by label and combination, in the order of the rows; truth values are 1 and 0,
             items of sequences have labels of their own, such as ``sizes[0]``
    texts    texts by label, with how often each was printed
    long     labels of sequences with too many items to look at one by one, and how many items
    rows     how many rows there are of each combination, in the order of the rows
    failed   how many rows that failed have a number, by label and combination
    """

    numbers: dict[str, dict[Combination, array[float]]] = field(default_factory=dict)
    texts: dict[str, Counter[str]] = field(default_factory=dict)
    long: dict[str, int] = field(default_factory=dict)
    rows: Counter[Combination] = field(default_factory=Counter)
    failed: Counter[tuple[str, Combination | None]] = field(default_factory=Counter)

    def add(self, row: Row) -> None:
        """Add what a row printed; of one that failed, only that it has a number."""
        is_done = row.is_done
        self.rows[row.combination] += is_done
        for label, value in row.printed.items():
            for name, item in _items(label, value, self.long):
                is_number = isinstance(item, int | float)
                if not is_done:
                    self.failed[name, row.combination] += is_number
                    self.failed[name, None] += is_number
                elif is_number:
                    by_combination = self.numbers.setdefault(name, {})
                    by_combination.setdefault(row.combination, array("d")).append(float(item))
                elif item is not None:
                    self.texts.setdefault(name, Counter())[str(item)] += 1

    @property
    def combinations(self) -> list[Combination]:
        """All combinations, also those whose rows all failed, in the order of the rows."""
        return list(self.rows)

    def finite(self, label: str, combination: Combination | None = None) -> Numbers:
        """The finite numbers of a label: of a combination, or of all."""
        numbers = self._numbers(label, combination)
        return numbers[np.isfinite(numbers)]

    def statistics(self, label: str, combination: Combination | None = None) -> Statistics:
        """The statistics of a label, over all rows or those of a combination."""
        numbers = self._numbers(label, combination)
        rows = self.rows.total() if combination is None else self.rows[combination]
        finite = numbers[np.isfinite(numbers)]
        undefined = int(np.isnan(numbers).sum())
        return Statistics(
            label,
            combination,
            count=len(finite),
            nan=undefined,
            infinite=len(numbers) - len(finite) - undefined,
            missing=rows - len(numbers),
            failed=self.failed[label, combination],
            **_of_finite(finite),
        )

    def _numbers(self, label: str, combination: Combination | None) -> Numbers:
        by_combination = self.numbers.get(label, {})
        if combination is not None:
            return np.array(by_combination.get(combination, ()), np.float64)
        return np.concatenate([np.empty(0), *map(np.asarray, by_combination.values())])


def _items(label: str, value: Any, long: dict[str, int]) -> Iterator[tuple[str, Any]]:
    """The value, or its items with a label of their own each; numbers are numbers."""
    if not isinstance(value, list):
        yield label, NOT_FINITE.get(value, value) if isinstance(value, str) else value
    elif len(value) > MOST_ITEMS:
        long[label] = max(len(value), long.get(label, 0))
    else:
        for number, item in enumerate(value):
            yield from _items(f"{label}[{number}]", item, long)


def _of_finite(values: Numbers) -> dict[str, float]:
    if not len(values):
        return dict.fromkeys(("mean", "sd", "min", "q1", "median", "q3", "max"), nan)
    with np.errstate(over="ignore", invalid="ignore"):  # the sum of huge numbers is infinite
        q1, median, q3 = np.quantile(values, (0.25, 0.5, 0.75))
        sd = float(np.std(values, ddof=1)) if len(values) > 1 else nan
        mean = float(values.mean())
    return {
        "mean": mean,
        "sd": sd,
        "min": float(values.min()),
        "q1": float(q1),
        "median": float(median),
        "q3": float(q3),
        "max": float(values.max()),
    }


def swept_names(combinations: Iterable[Combination]) -> list[str]:
    """The variables that take more than one value, in their order."""
    values: dict[str, set[str]] = {}
    for each in combinations:
        for name, text in each:
            values.setdefault(name, set()).add(text)
    return [name for name, texts in values.items() if len(texts) > 1]


def combination_text(combination: Combination | Mapping[str, str]) -> str:
    """A combination for people: ``HI=0.91, VI=0.82``."""
    return ", ".join(f"{name}={value}" for name, value in dict(combination).items())
