"""Places in Python code as spans: errors of lazy values point to the line that made them."""

from __future__ import annotations

import linecache
import os
import sys
from pathlib import Path
from types import CodeType, FrameType

from voxgpu.diagnostics import Source, Span

_PACKAGE = str(Path(__file__).parents[2]) + os.sep

#: Maximum number of remembered places, and of source files.
_MOST = 10_000

#: By file name, number of the code object and instruction; the code object shows that it is alive.
_SPANS: dict[tuple[str, int, int], tuple[CodeType, Span]] = {}
_SOURCES: dict[str, tuple[list[str], Source]] = {}


def here() -> Span:
    """The expression outside voxgpu that is being evaluated."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    if frame is None:
        return Span(Source("Python", ""), 0, 0)
    code = frame.f_code
    key = code.co_filename, id(code), frame.f_lasti
    known = _SPANS.get(key)
    if known is not None and known[0] is code:
        return known[1]
    if len(_SPANS) >= _MOST:
        _SPANS.clear()
    span = _span(code, frame.f_lasti, frame.f_lineno)
    _SPANS[key] = code, span
    return span


def _span(code: CodeType, instruction: int, line: int) -> Span:
    """The span of an instruction; its first line, if Python was told to keep no columns."""
    source = _source(code.co_filename, line)
    positions = list(code.co_positions())
    first, last, begin, end = positions[instruction // 2]
    first, last = first or line, last or line
    begin = 0 if begin is None else begin
    start = _offset(source, first, begin)
    stop = _offset(source, last, end) if end is not None else start + len(source.line(first))
    return Span(source, start, max(stop, start + 1))


def _offset(source: Source, number: int, column: int) -> int:
    """The offset of a column, in bytes of UTF-8, of a line, from 1."""
    text = source.line(number).encode()[:column].decode(errors="ignore")
    return source.line_start(number) + len(text)


def _source(name: str, line: int) -> Source:
    """The text of a file, of a cell of a notebook, or of what was typed; else empty lines."""
    lines = linecache.getlines(name)
    known = _SOURCES.get(name)
    if known is not None and known[0] is lines and len(lines) >= line:
        return known[1]
    if len(_SOURCES) >= _MOST:
        _SOURCES.clear()
    missing = "\n" * max(0, line - len(lines))
    source = Source(name, "".join(lines) + missing)
    _SOURCES[name] = lines, source
    return source
