"""Diagnostics: errors and warnings with source location, excerpt and advice."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

from voxgpu.frozen import frozen

#: All codes with their subjects. A code never changes its meaning.
CODES = {
    "E100": "the text is not a program",
    "E101": "an undefined name",
    "E102": "a value of the wrong type",
    "E103": "the wrong number of arguments",
    "E104": "an undefined program variable",
    "E105": "images on different grids",
    "E106": "a value that must be known before the run but is not",
    "E107": "arguments for which a function is not defined",
    "E108": "an import that was not found",
    "E109": "a program that cannot be read",
    "E110": "no image to take the grid from",
    "E111": "user-defined primitives that cannot be used",
    "E201": "an image that cannot be loaded",
    "E202": "a result that cannot be saved under this name",
    "E203": "a path outside the folders the program may touch",
    "E204": "an input file that would be overwritten",
    "E301": "an undefined value",
    "E302": "not enough memory",
    "E303": "a file that could not be written",
    "E304": "a failed computation",
    "E305": "a session that belongs to another process",
    "E306": "a value that differs from the reference",
    "E401": "a folder that is not a store, or a store of another version",
    "E402": "a value that the program does not have",
    "E501": "a device that cannot be used",
    "E502": "workers that cannot be used",
    "W101": "an expression whose reading depends on the dialect",
    "W102": "a name that exists both in voxgpu and in an imported namespace",
    "W103": "an integer that float64 cannot represent",
    "W104": "an unused program variable",
    "W105": "what VoxLogicA 1 or 2 does otherwise",
    "W201": "images on different grids, combined voxel by voxel",
    "W202": "two results saved under one name",
    "W203": "a package whose primitives cannot be used",
    "W204": "an inconsistent or incomplete file header",
    "W205": "an input file that is overwritten",
    "W301": "voxels or geometry that the file format cannot represent",
    "W302": "a questionable value",
    "W303": "a step that needs more memory than the limit",
    "W304": "a saved image without a sidecar",
    "W305": "a GPU that was lost during a run",
    "W401": "results that cannot be stored for later runs",
    "W402": "a folder that cannot be used for caches",
}


#: Number of calls shown at either end of a long chain of calls that leads to an error.
_MAX_CALLS = 4

#: Maximum number of goals listed that failed for one cause.
_MAX_GOALS = 20

#: Maximum number of characters shown of a source line.
WIDTH = 160


_STRING_OR_ELSE = re.compile(r'"(?:[^"\\\n]|\\[^\n])*"|[^"]+|"')


def _normalized(text: str) -> str:
    """Normalizes line ends to line feeds, and letters outside strings to composed form (NFC).

    With lone carriage returns, as old editors write them, the rest of the program would be part of
    its first comment. Some systems write ö as o followed by a combining diaeresis.
    """
    if "\r" in text:
        text = re.sub("\r(?!\n)", "\n", text)
    if text.isascii():
        return text
    return _STRING_OR_ELSE.sub(
        lambda m: m[0] if m[0].startswith('"') else unicodedata.normalize("NFC", m[0]), text
    )


class Source:
    """A program text. Sources are compared by identity.

    name      the display name for messages
    text      with normalized line ends, and with letters outside strings in composed form; strings
              keep their letters, since they may be file names
    ours      whether it is part of voxgpu, so that errors in it are not the user's
    """

    def __init__(self, name: str, text: str, ours: bool = False) -> None:
        self.name = name
        self.text = _normalized(text)
        self.ours = ours

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """Returns line and column of a character offset, both from 1, in characters."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line_start(self, number: int) -> int:
        """Returns the offset of the first character of line ``number``, from 1."""
        return self._starts[number - 1]

    def line(self, number: int) -> str:
        """Returns line ``number``, from 1, without its end."""
        start = self._starts[number - 1]
        stop = self._starts[number] if number < len(self._starts) else len(self.text)
        return self.text[start:stop].rstrip("\r\n")


class Span(NamedTuple):
    """A range of a source: the characters from ``start`` up to ``stop``."""

    source: Source
    start: int
    stop: int

    def __str__(self) -> str:
        line, column = self.source.line_and_column(self.start)
        return f"{self.source.name}:{line}:{column}"

    def to(self, other: Span) -> Span:
        """Returns the span from the start of this one to the end of the other."""
        return Span(self.source, self.start, other.stop)

    def __repr__(self) -> str:
        return f"<{self}>"


class Note(NamedTuple):
    """Additional information about another location."""

    message: str
    span: Span | None


@frozen
class Diagnostic:
    """An error (code ``E…``) or warning (``W…``).

    message  what was expected and what was found
    span     the location; None if it does not concern a place in a program
    notes    other locations that explain it
    help     advice
    goals    the goals that failed because of it: ``print "label"``
    """

    code: str
    message: str
    span: Span | None = None
    notes: tuple[Note, ...] = ()
    help: str = ""
    goals: tuple[str, ...] = ()

    @property
    def is_error(self) -> bool:
        """Whether this prevents the program from running."""
        return self.code.startswith("E")

    @property
    def severity(self) -> str:
        """Either ``error`` or ``warning``."""
        return "error" if self.is_error else "warning"

    def __str__(self) -> str:
        return _shown("\n".join(_lines(self)))

    def as_json(self) -> dict[str, Any]:
        """Returns plain data for ``--json``."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            **_place(self.span),
            "notes": [{"message": note.message, **_place(note.span)} for note in self.notes],
            "help": self.help or None,
            **({"goals": list(self.goals)} if self.goals else {}),
        }


def at_trace(
    code: str,
    message: str,
    trace: tuple[Span, ...],
    notes: tuple[Note, ...] = (),
    help: str = "",
) -> Diagnostic:
    """Creates a diagnostic for a location inside a function.

    ``trace`` is the location, followed by the calls that lead there, innermost first. The
    diagnostic is placed at the innermost span in user code; the other spans become notes.
    """
    mine = [span for span in trace if not span.source.ours] or list(trace)
    calls = tuple(Note("called here", span) for span in _shortened(mine[1:]))
    if mine and trace[0].source.ours:
        calls = (Note("in the standard library", trace[0]), *calls)
    return Diagnostic(code, message, mine[0] if mine else None, notes + calls, help)


def _shortened(calls: list[Span]) -> list[Span]:
    """Returns the calls, reduced to the innermost and the outermost ones if there are many."""
    return calls if len(calls) <= 2 * _MAX_CALLS else [*calls[:_MAX_CALLS], *calls[-_MAX_CALLS:]]


class Failure(NamedTuple):
    """A failed goal, ``print "label"``, the items of it that failed if not all, and the cause."""

    goal: str
    where: str
    cause: Diagnostic


def failures(failed: Iterable[Failure]) -> tuple[Diagnostic, ...]:
    """Returns one diagnostic for each cause, with all the goals that failed because of it."""
    causes: dict[Diagnostic, dict[tuple[str, str], None]] = {}
    for each in failed:
        causes.setdefault(each.cause, {})[each.goal, each.where] = None
    return tuple(_failure(cause, list(goals)) for cause, goals in causes.items())


def _failure(cause: Diagnostic, goals: Sequence[tuple[str, str]]) -> Diagnostic:
    goal, where = goals[0]
    if not goal:  # a single value was requested, so the goal is evident
        return replace(cause, message=f"failed{where}: {cause.message}") if where else cause
    names = tuple(dict.fromkeys(each for each, _ in goals))
    others = goals[1:]
    if not others:
        message = f"`{goal}` failed{where}: {cause.message}"
        return replace(cause, message=message, goals=names)
    count = "another goal" if len(others) == 1 else f"{len(others)} other goals"
    shown = [f"`{each}`{where}" for each, where in others[:_MAX_GOALS]]
    more = f" and {len(others) - _MAX_GOALS} more" if len(others) > _MAX_GOALS else ""
    note = Note(f"it took along {', '.join(shown)}{more}", None)
    message = f"`{goal}`{where} and {count} failed: {cause.message}"
    return replace(cause, message=message, notes=(*cause.notes, note), goals=names)


class ImgqlError(Exception):
    """Raised for a program with errors; holds all diagnostics."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(str(each) for each in self.diagnostics))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles the constructor arguments, so that errors can cross process boundaries."""
        return type(self), (self.diagnostics,)


class Diagnostics:
    """Collects errors and warnings without duplicates, in order of discovery."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, Span | None], Diagnostic] = {}

    def add(self, diagnostic: Diagnostic) -> None:
        """Adds a diagnostic, unless the same text was already reported for the same location."""
        key = (diagnostic.code, diagnostic.message, diagnostic.span)
        self._found.setdefault(key, diagnostic)

    @property
    def all(self) -> tuple[Diagnostic, ...]:
        """All errors and warnings."""
        return tuple(self._found.values())

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The errors, which prevent the program from running."""
        return tuple(each for each in self.all if each.is_error)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """The warnings."""
        return tuple(each for each in self.all if not each.is_error)


def _lines(diagnostic: Diagnostic) -> Iterable[str]:
    yield f"{diagnostic.severity}[{diagnostic.code}]: {diagnostic.message}"
    if diagnostic.span:
        yield from _excerpt(diagnostic.span, "^", "")
    for note in diagnostic.notes:
        if note.span:
            yield from _excerpt(note.span, "-", note.message)
        else:
            yield f"  note: {note.message}"
    if diagnostic.help:
        yield f"  help: {diagnostic.help}"


def _shown(text: str) -> str:
    """Replaces control characters, since a program may come from an untrusted source."""
    return "".join(char if char in "\t\n" or char.isprintable() else "�" for char in text)


def _window(text: str, column: int) -> tuple[str, int]:
    """Returns the part of a long line around a column, and the column within it."""
    if len(text) <= WIDTH:
        return text, column
    start = max(0, min(column - 1 - WIDTH // 2, len(text) - WIDTH))
    before, after = "…" if start else "", "…" if start + WIDTH < len(text) else ""
    return before + text[start : start + WIDTH] + after, column - start + len(before)


def _excerpt(span: Span, mark: str, label: str) -> Iterable[str]:
    """Yields the first line of a span, marked below, with ``file:line:column`` above."""
    line, column = span.source.line_and_column(span.start)
    text, column = _window(span.source.line(line), column)
    width = max(1, min(span.stop - span.start, len(text) - column + 1))
    number = str(line)
    pad = " " * len(number)
    # Tabs are kept in the line of marks, so that both lines are indented alike.
    before = "".join("\t" if char == "\t" else " " for char in text[: column - 1])
    yield f"{pad} ┌─ {span}"
    yield f"{number} │ {text}"
    yield f"{pad} │ {before}{mark * width}{' ' + label if label else ''}"


def _place(span: Span | None) -> dict[str, Any]:
    if span is None:
        return {"file": None, "line": None, "column": None}
    line, column = span.source.line_and_column(span.start)
    end_line, end_column = span.source.line_and_column(span.stop)
    return {
        "file": span.source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    }
