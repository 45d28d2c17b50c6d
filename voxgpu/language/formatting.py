"""Layout of programs: blanks, line breaks and comments, in one form; words are never changed.

A command begins a line. Line breaks within a command and single blank lines are kept, so the author
decides where a long expression is broken; continued lines are indented by brackets. Comments keep
their text and their place. Columns of ``=`` and of printed values that were aligned stay aligned,
and comments at the ends of nearby lines are aligned. What is formatted has the same tokens, and
formatting it again changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from voxgpu.diagnostics import Source
from voxgpu.language.lexer import COMMANDS, Token
from voxgpu.language.operator_classifier import Operators, classify
from voxgpu.language.parse import declared_dialect, tokenize_text

_COMMENT = re.compile(r"//[^\n]*")
_OPENING = frozenset(("LPAR", "LSQB", "INDEX", "EXTRA"))
_CLOSING = frozenset(("RPAR", "RSQB"))
_INDENT = 4

#: Number of lines without a comment between two lines whose comments are aligned.
_AWAY = 2


#: Returns the blank before the token with an index, from the text, which has the old blanks.
_Separate = Callable[[str, Sequence[Token], int], str]


class UnstableLayoutError(Exception):
    """Raised for a program whose meaning depends on its blanks in a way that is not understood."""


@dataclass
class _Line:
    """A line: its tokens with what separates them, or a comment of its own, or neither.

    depth    levels of indentation
    anchor   of a binding its ``=``, of a `print` or `save` what follows its string: the index of
             the piece, and its column before; None if there is none
    comment  at the end of the line, or all of it
    """

    depth: int = 0
    pieces: list[str] = field(default_factory=list)
    anchor: tuple[int, int] | None = None
    comment: str = ""

    @property
    def text(self) -> str:
        return " " * (_INDENT * self.depth) + "".join(self.pieces)


def formatted(source: Source, operators: Operators) -> str:
    """Returns the text of a valid program in the one layout.

    operators  the operators and names in capitals that are bound outside it, by what it imports too

    Raises UnstableLayoutError if other blanks would change its tokens.
    """
    text = source.text
    before = classify(tokenize_text(text), operators).tokens
    for separate in (_separator, _as_before):
        result = _laid_out(text, before, separate)
        after = classify(tokenize_text(result), operators).tokens
        if [(each.type, str(each)) for each in after] == [(b.type, str(b)) for b in before]:
            return result
    raise UnstableLayoutError


def _laid_out(text: str, tokens: Sequence[Token], separate: _Separate) -> str:
    lines = _lines(text, tokens, separate)
    _align_anchors(lines)
    shown = [each.rstrip() for each in _with_comments(lines)]
    while shown and not shown[-1]:
        shown.pop()
    while shown and not shown[0]:
        shown.pop(0)
    result = "".join(f"{each}\n" for each in shown)
    # Only a comment in the first line declares a dialect.
    if declared_dialect(result) != declared_dialect(text):
        result = f"\n{result}"
    return result


def _lines(text: str, tokens: Sequence[Token], separate: _Separate) -> list[_Line]:
    lines: list[_Line] = []
    brackets = 0
    for index, token in enumerate(tokens):
        previous = tokens[index - 1] if index else None
        gap = text[previous.end_pos if previous else 0 : token.start_pos]
        starts = _starts_command(tokens, index)
        _add_comments(lines, gap, inside=0 if starts else 1 + brackets, first=previous is None)
        if previous is None or starts or "\n" in gap or lines[-1].comment:
            closes = token.type in _CLOSING
            depth = 0 if starts else 1 + max(0, brackets - closes)
            if starts and _has_blank_line(_COMMENT.split(gap)[-1]) and lines:
                _add_blank(lines)
            lines.append(_Line(depth))
        else:
            lines[-1].pieces.append(separate(text, tokens, index))
        line = lines[-1]
        if line.anchor is None and _is_anchor(tokens, index, line):
            column = token.start_pos - text.rfind("\n", 0, token.start_pos)
            line.anchor = (len(line.pieces), column)
        line.pieces.append(str(token))
        brackets = 0 if starts else brackets
        brackets += (token.type in _OPENING) - (token.type in _CLOSING)
    last = tokens[-1].end_pos if tokens else 0
    _add_comments(lines, text[last:], inside=0, first=not tokens)
    return lines


def _is_anchor(tokens: Sequence[Token], index: int, line: _Line) -> bool:
    """Whether a token is aligned with those of the lines around it, if they were in one column."""
    if tokens[index].type == "EQUAL":
        return True
    command = tokens[index - 2].type if index > 1 else ""
    return command in ("SAVE", "PRINT") and tokens[index - 1].type == "TEXT" and bool(line.pieces)


def _starts_command(tokens: Sequence[Token], index: int) -> bool:
    token = tokens[index]
    if token.type == "DECLARED":
        return index == 0 or tokens[index - 1].type not in ("LET", "LOCAL")
    return token.type in COMMANDS


def _add_comments(lines: list[_Line], gap: str, inside: int, first: bool) -> None:
    """Adds the comments between two tokens.

    inside  the depth of comments on lines of their own
    first   whether no token precedes them
    """
    passed = 0
    for match in _COMMENT.finditer(gap):
        blank = gap[passed : match.start()]
        passed = match.end()
        comment = match[0].rstrip()
        if "\n" not in blank and lines and not first and not lines[-1].comment:
            lines[-1].comment = comment
            continue
        if _has_blank_line(blank) and not inside and lines:
            _add_blank(lines)
        lines.append(_Line(inside, comment=comment))


def _has_blank_line(blank: str) -> bool:
    return blank.count("\n") > 1


def _add_blank(lines: list[_Line]) -> None:
    if lines[-1].pieces or lines[-1].comment:
        lines.append(_Line())


# Blanks between the tokens of a line.


def _separator(text: str, tokens: Sequence[Token], index: int) -> str:
    """Returns the blank before a token, or an empty string."""
    left, right = tokens[index - 1], tokens[index]
    if right.type in ("_COMMA", "RPAR", "RSQB", "INDEX", "EXTRA", "COLON"):
        return ""
    if left.type in _OPENING or left.type == "COLON":
        return ""
    if right.type == "LPAR" and left.type in ("NAME", "DECLARED") and _is_called(tokens, index):
        return ""
    if left.type == "PREFIX":
        return _after_prefix(text, left, right)
    return " "


def _is_called(tokens: Sequence[Token], index: int) -> bool:
    """Whether the parenthesis belongs to the name before it: not that of a label."""
    return index < 2 or tokens[index - 2].type not in ("SAVE", "PRINT")


def _after_prefix(text: str, left: Token, right: Token) -> str:
    """Separates a prefix operator from its operand as it was, where that may matter."""
    signs = not left[-1].isalnum() and not right[0].isalnum() and right.type == "PREFIX"
    if right.type == "LPAR" or signs or left == "-":
        return _gap(text, left, right)
    return " " if len(left) > 1 or left[0].isalnum() else ""


def _as_before(text: str, tokens: Sequence[Token], index: int) -> str:
    return _gap(text, tokens[index - 1], tokens[index])


def _gap(text: str, left: Token, right: Token) -> str:
    return " " if left.end_pos < right.start_pos else ""


# Alignment.


def _align_anchors(lines: Sequence[_Line]) -> None:
    """Aligns what was aligned in consecutive lines of one indentation again."""
    for run in _runs(lines, lambda line: (line.depth, line.anchor[1]) if line.anchor else None):
        anchors = [each.anchor[0] if each.anchor else 0 for each in run]
        ends = [sum(map(len, line.pieces[: at - 1])) for line, at in zip(run, anchors, strict=True)]
        if len(set(ends)) > 1:
            for line, at, end in zip(run, anchors, ends, strict=True):
                line.pieces[at - 1] = " " * (max(ends) - end + 1)


def _with_comments(lines: Sequence[_Line]) -> list[str]:
    """The text of all lines; comments at the ends of lines of one paragraph begin in one column."""
    shown = [each.text for each in lines]
    columns: dict[int, int] = {}
    for run in _commented(lines):
        end = max(len(each.text) for each in run)
        columns.update((id(each), end + 1) for each in run)
    for index, line in enumerate(lines):
        if line.comment:
            shown[index] = shown[index].ljust(columns.get(id(line), 0)) + line.comment
    return shown


def _commented(lines: Sequence[_Line]) -> Iterable[list[_Line]]:
    """Yields the lines of a paragraph that end with comments; the next may be a few lines away."""
    for run in _runs(lines, lambda line: 0 if line.pieces else None):
        near: list[_Line] = []
        last = 0
        for number, line in enumerate(run):
            if not line.comment:
                continue
            if near and number - last > _AWAY + 1:
                yield near
                near = []
            near.append(line)
            last = number
        if near:
            yield near


def _runs(lines: Sequence[_Line], key: Callable[[_Line], object]) -> Iterable[list[_Line]]:
    """Yields the longest runs of consecutive lines with one key that is not None."""
    run: list[_Line] = []
    for line in lines:
        if run and key(line) != key(run[-1]):
            yield run
            run = []
        if key(line) is not None:
            run.append(line)
    if run:
        yield run
