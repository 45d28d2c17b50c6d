"""Places in a text as editors count them: lines, and code units within a line."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable

from voxgpu.diagnostics import Source

#: The ends of lines, of which LSP knows three.
_END = re.compile(r"\r\n|\n|\r")

#: Returns the number of code units of a text: those of UTF-16, unless an editor agrees on others.
Units = Callable[[str], int]


def utf16_units(text: str) -> int:
    """Returns the number of UTF-16 code units of a text."""
    return len(text) + sum(ord(char) > 0xFFFF for char in text)


class Positions:
    """Conversion between character offsets and pairs of a line and a column, both from 0."""

    def __init__(self, text: str, units: Units = utf16_units) -> None:
        self.text = text
        self._units = units
        ends = list(_END.finditer(text))
        self._starts = [0, *(each.end() for each in ends)]
        self._stops = [*(each.start() for each in ends), len(text)]

    def position(self, offset: int) -> tuple[int, int]:
        """Returns line and column of an offset; one beyond the text is its end."""
        offset = max(0, min(offset, len(self.text)))
        line = bisect_right(self._starts, offset) - 1
        stop = min(offset, self._stops[line])
        return line, self._units(self.text[self._starts[line] : stop])

    def offset(self, line: int, column: int) -> int:
        """Returns the offset of a place; beyond the end of a line or of the text it is that end."""
        if line < 0:
            return 0
        if line >= len(self._starts):
            return len(self.text)
        start, stop = self._starts[line], self._stops[line]
        if self._units is utf16_units and self.text[start:stop].isascii():
            return min(start + max(0, column), stop)
        low, high = start, stop
        while low < high:
            middle = (low + high + 1) // 2
            if self._units(self.text[start:middle]) <= column:
                low = middle
            else:
                high = middle - 1
        return low


class SourcePositions:
    """The same for offsets of a source, which may have composed letters that the text has not."""

    def __init__(self, text: str, source: Source, units: Units = utf16_units) -> None:
        self._positions = Positions(text, units)
        self._source = source
        # Lone carriage returns become line feeds, one for one.
        self._is_same = len(text) == len(source.text)

    def position(self, offset: int) -> tuple[int, int]:
        """Returns line and column in the editor's text of an offset in the source."""
        return self._positions.position(self._original(offset))

    def offset(self, line: int, column: int) -> int:
        """Returns the offset in the source of a place in the editor's text."""
        there = self._positions.offset(line, column)
        if self._is_same:
            return there
        return min(len(Source("", self._positions.text[:there]).text), len(self._source.text))

    def _original(self, offset: int) -> int:
        if self._is_same:
            return offset
        # Prefixes grow with their sources, so the first one that is long enough can be searched.
        text = self._positions.text
        low, high = 0, len(text)
        while low < high:
            middle = (low + high) // 2
            if len(Source("", text[:middle]).text) < offset:
                low = middle + 1
            else:
                high = middle
        # A letter and its marks are one.
        while low < len(text) and unicodedata.combining(text[low]):
            low += 1
        return low
