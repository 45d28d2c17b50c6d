"""The rows that a cohort has so far, by their places: in its journal, or in memory without one."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import overload

from voxgpu.cohorts.case_record import CaseRecord, below, identity_of
from voxgpu.cohorts.cases import Case
from voxgpu.cohorts.freshness import Freshness
from voxgpu.cohorts.journal import Journal
from voxgpu.cohorts.row import DONE, STATUSES, Row
from voxgpu.cohorts.sweep import Combination


class KeptRows:
    """The rows of cases and combinations; for rows in a journal only offsets are in memory.

    journal  where rows are kept, and where those of earlier runs are; None keeps them in memory
    stale    why cases that had rows are to be run again, and how many they are
    """

    def __init__(
        self, cases: Sequence[Case], combinations: Sequence[Combination], journal: Journal | None
    ) -> None:
        self._cases = cases
        self._width = len(combinations)
        self._numbers = {each.name: number for number, each in enumerate(cases)}
        self._orders = {each: order for order, each in enumerate(combinations)}
        self._journal = journal
        count = len(cases) * self._width
        #: By place: 1 + index into STATUSES of the row's status; 0: no row.
        self._status = bytearray(count)
        self._offsets = array("q", bytes(8 * count if journal is not None else 0))
        self._rows: dict[int, Row] = {}
        self._deaths: dict[str, int] = {}
        self.stale: Mapping[str, int] = {}
        if journal is not None:
            self.stale = self._take_up(journal)

    def add(self, batch: Sequence[tuple[CaseRecord, Sequence[Row]]]) -> list[Row]:
        """Keeps the rows of some cases; returns them with their places, when they are safe."""
        placed = [(record, [self._placed(each) for each in rows]) for record, rows in batch]
        every = [row for _, rows in placed for row in rows]
        offsets: Iterable[int] = [0] * len(every)
        if self._journal is not None:
            folder = self._journal.path.parent.absolute()
            known = [
                (below(folder, record, self._identity(record)), rows) for record, rows in placed
            ]
            offsets = self._journal.add(known)
        for row, offset in zip(every, offsets, strict=True):
            self._note(row, offset)
        return every

    def _identity(self, record: CaseRecord) -> str:
        return identity_of(self._cases[self._numbers[record.case]])

    def _placed(self, row: Row) -> Row:
        place = self._numbers[row.case], self._orders[row.combination]
        return row if row.place == place else replace(row, place=place)

    def _note(self, row: Row, offset: int) -> None:
        place = row.place[0] * self._width + row.place[1]
        if self._journal is None:
            self._rows[place] = row
        else:
            self._offsets[place] = offset
        self._status[place] = STATUSES.index(row.status) + 1
        if row.deaths:
            self._deaths[row.case] = row.deaths
        else:
            self._deaths.pop(row.case, None)

    def _take_up(self, journal: Journal) -> Mapping[str, int]:
        """Takes up the rows of the journal that are of these cases, and still hold."""
        freshness = Freshness(self._cases, journal.path.parent.absolute())
        for offset, entry in journal.entries():
            number = self._numbers.get(entry.case)
            if number is None:
                continue
            if isinstance(entry, CaseRecord):
                if freshness.note(number, entry):
                    self._forget(number)
            elif entry.combination in self._orders and freshness.has_record(number):
                self._note(self._placed(entry), offset)
        reasons = freshness.stale()
        return Counter(reason for number, reason in reasons.items() if self._forget(number))

    def _forget(self, number: int) -> bool:
        """Drops the rows of a case; returns whether one of them had succeeded."""
        part = slice(number * self._width, (number + 1) * self._width)
        had_values = STATUSES.index(DONE) + 1 in self._status[part]
        self._status[part] = bytes(self._width)
        self._deaths.pop(self._cases[number].name, None)
        return had_values

    def statuses(self, number: int) -> list[str]:
        """The status of each row of the case with this number; empty if it has no rows."""
        found = self._status[number * self._width : (number + 1) * self._width]
        return [STATUSES[each - 1] if each else "" for each in found]

    @property
    def deaths(self) -> Mapping[str, int]:
        """The number of workers killed by the cases that are set aside."""
        return self._deaths

    def among(self, numbers: Iterable[int]) -> Sequence[Row]:
        """The rows of cases with these numbers, in order; each is read when it is asked for."""
        places = array("q")
        for number in numbers:
            start = number * self._width
            places.extend(n for n in range(start, start + self._width) if self._status[n])
        return _Rows(self, places)

    def at(self, place: int) -> Row:
        """The row with this number, counted over cases and combinations."""
        if self._journal is None:
            return self._rows[place]
        return self._placed(self._journal.at(self._offsets[place]))


class _Rows(Sequence[Row]):
    """The rows of some places, each read when it is asked for."""

    def __init__(self, kept: KeptRows, places: array[int]) -> None:
        self._kept, self._places = kept, places

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Row]:
        return map(self._kept.at, self._places)

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...

    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, slice):
            return _Rows(self._kept, self._places[index])
        return self._kept.at(self._places[index])
