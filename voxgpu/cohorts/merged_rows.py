"""The rows of several journals as one sequence, of which only the places are in memory."""

from __future__ import annotations

import json
from array import array
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, overload

import numpy as np

from voxgpu.cohorts.journal import entries_of, lines_of
from voxgpu.cohorts.row import Row
from voxgpu.cohorts.sweep import Combination
from voxgpu.files.errors import FileError

#: How many journals are open at a time.
_OPEN = 100


class MergedRows(Sequence[Row]):
    """The rows of journals of one cohort, in the order of cases and combinations.

    Of each case and combination there is one: the last one in a journal, and of several journals
    the first one, unless it failed and another did not. Each is read when it is asked for. Raises
    FileError where a file is no journal, or of another program, definitions or sweep.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = list(paths)
        self._files: OrderedDict[int, BinaryIO] = OrderedDict()
        first = None
        for path in self._paths:
            about = next(lines_of(path))["about"]
            first = about if first is None else first
            if about != first:
                reason = f"it is of another program, definitions or sweep than `{paths[0]}`"
                raise FileError(str(path), reason, "name the journals of one run, or move it away")
        index = _Index()
        for number, path in enumerate(self._paths):
            index.begin()
            for offset, entry in entries_of(path):
                if isinstance(entry, Row):
                    index.add(entry, number, offset)
        self._numbers, self._offsets = index.ordered()

    def __len__(self) -> int:
        return len(self._offsets)

    def __iter__(self) -> Iterator[Row]:
        for place in range(len(self)):
            yield self._at(place)

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...

    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        places = range(len(self))[index]
        return self._at(places) if isinstance(places, int) else [self._at(each) for each in places]

    def _at(self, place: int) -> Row:
        file = self._file(int(self._numbers[place]))
        file.seek(int(self._offsets[place]))
        return Row.from_json(json.loads(file.readline()))

    def _file(self, number: int) -> BinaryIO:
        """The journal with this number, open; the one that was used longest ago is closed."""
        if number not in self._files:
            if len(self._files) >= _OPEN:
                self._files.popitem(last=False)[1].close()
            self._files[number] = self._paths[number].open("rb")
        self._files.move_to_end(number)
        return self._files[number]

    def __del__(self) -> None:
        for each in self._files.values():
            each.close()


class _Index:
    """Where the rows that count are."""

    def __init__(self) -> None:
        self._cases: dict[str, int] = {}
        self._combinations: dict[Combination, int] = {}
        self._slots: dict[int, int] = {}
        self._files, self._done = array("l"), bytearray()
        self._offsets, self._first, self._second = array("q"), array("q"), array("q")
        #: Rows of other journals that one of the current journal has replaced.
        self._before: dict[int, tuple[int, int, int, int, bool]] = {}

    def begin(self) -> None:
        """Begin with the rows of another journal."""
        self._before.clear()

    def add(self, row: Row, file: int, offset: int) -> None:
        """Add a row, unless one that is there counts more."""
        case = self._cases.setdefault(row.case, len(self._cases))
        order = self._combinations.setdefault(row.combination, len(self._combinations))
        slot = self._slots.setdefault(case << 32 | order, len(self._offsets))
        if slot == len(self._offsets):
            for each in (self._files, self._offsets, self._first, self._second, self._done):
                each.append(0)
        elif file != self._files[slot]:
            if self._done[slot] or not row.is_done:
                return
            self._before[slot] = self._at(slot)
        elif not row.is_done and (before := self._before.pop(slot, None)) is not None:
            # The row that this journal had before did not last: what others have counts.
            self._set(slot, before)
            return
        self._set(slot, (file, offset, *row.place, row.is_done))

    def _at(self, slot: int) -> tuple[int, int, int, int, bool]:
        place = self._first[slot], self._second[slot]
        return self._files[slot], self._offsets[slot], *place, bool(self._done[slot])

    def _set(self, slot: int, found: tuple[int, int, int, int, bool]) -> None:
        self._files[slot], self._offsets[slot] = found[:2]
        self._first[slot], self._second[slot], self._done[slot] = found[2:]

    def ordered(self) -> tuple[array[int], array[int]]:
        """The numbers of files and the offsets, in the order of cases and combinations."""
        order = np.lexsort((np.asarray(self._second), np.asarray(self._first)))
        files, offsets = np.asarray(self._files)[order], np.asarray(self._offsets)[order]
        return array("l", files.tobytes()), array("q", offsets.tobytes())
