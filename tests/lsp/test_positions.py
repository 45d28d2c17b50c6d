"""Places in texts: code units, ends of lines, composed letters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import law
from voxgpu.diagnostics import Source
from voxgpu.lsp.positions import Positions, SourcePositions, utf16_units


def test_units() -> None:
    positions = Positions("a𝒜b\r\né\rx\ny")
    assert [positions.position(n) for n in range(5)] == [(0, 0), (0, 1), (0, 3), (0, 4), (0, 4)]
    assert positions.position(5) == (1, 0)
    assert positions.position(7) == (2, 0)
    assert positions.position(9) == (3, 0)
    assert positions.offset(0, 3) == 2
    assert positions.offset(0, 2) == 1, "within a letter: before it"
    assert positions.offset(0, 99) == 3
    assert positions.offset(9, 0) == len("a𝒜b\r\né\rx\ny")
    assert positions.offset(-1, 5) == 0


_LETTERS = st.sampled_from("ab \n\réé𝒜\"/'\u0301") | st.just("e\u0301") | st.just("\r\n")


@given(text=st.lists(_LETTERS, max_size=30).map("".join), data=st.data())
@law(100)
def test_there_and_back(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    positions = Positions(text)
    line, column = positions.position(offset)
    back = positions.offset(line, column)
    assert positions.position(back) == (line, column)
    # An offset within the end of a line is that end.
    assert back == offset or text[back:offset] == "\r"


@pytest.mark.parametrize("text", ["let e\u0301 = 1 // e\u0301", 'print "e\u0301" e\u0301 + n'])
def test_letters_that_are_composed(text: str) -> None:
    source = Source("p", text)
    positions = SourcePositions(text, source)
    assert len(source.text) < len(text)
    for word in ("=", "n", "+"):
        if word in text:
            at = positions.position(source.text.index(word))
            assert at == (0, utf16_units(text[: text.index(word)]))
            assert positions.offset(*at) == source.text.index(word)
