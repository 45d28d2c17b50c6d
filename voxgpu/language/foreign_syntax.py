"""Recognition and repair of syntax from other languages: quotes, comments, terminators.

``#``, ``;`` and ``'`` may be user-defined operators, so they are examined only if nothing declares
them. Each kind is reported once, with its correct form, and the text is repaired as intended. This
way independent errors are still found and follow-up errors are avoided.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

from voxgpu.diagnostics import Diagnostic, Note, Source, Span
from voxgpu.language.lexer import COMMANDS, Token

#: File names of images and programs, recognized by suffix without consulting any reader.
FILE_NAME = re.compile(
    r"[\w./~\\:$#%+-]*\.(?:nii|nii\.gz|nrrd|nhdr|mha|mhd|hdr|img|mgh|mgz|dcm|tiff?|png|jpe?g|bmp|imgql)",
    re.IGNORECASE,
)

_SINGLE = re.compile(r"'([^'\"\n]*)'")
_CURLY = re.compile(r"[“”„«]([^“”„«»\"\n]*)[”“»]|[‘‚]([^‘’‚\"\n]*)[’‘]")
_WORD = re.compile(r"[^\s\"'()\[\],]+")
_DECLARATION = re.compile(r"\s*\(\s*\w+\s*(?:,\s*\w+\s*)*\)\s*=(?!=)")

Split = Callable[[str], list[Token]]


class _Repair(NamedTuple):
    """A range of characters in foreign syntax: its diagnostic and replacement text."""

    diagnostic: Diagnostic
    start: int
    stop: int
    replacement: str


def repair_foreign_syntax(
    source: Source, tokens: list[Token], split: Split, declared: Collection[str]
) -> tuple[list[Token], list[Diagnostic]]:
    """Returns the tokens with foreign syntax replaced, and the diagnostics.

    split     splits a text into tokens
    declared  the operators that are already declared
    """
    diagnostics: list[Diagnostic] = []
    text = source.text
    known = {*declared, *_declared_in_text(text, tokens)}
    while True:
        found = _find_repairs(source, text, tokens, known)
        if not found:
            break
        diagnostics += [each.diagnostic for each in found]
        pieces, position = [], 0
        for each in found:
            pieces += [text[position : each.start], each.replacement]
            position = each.stop
        text = "".join([*pieces, text[position:]])
        tokens = split(text)
    tokens, unquoted = _add_quotes(source, text, tokens)
    return tokens, _first_of_each_kind([*diagnostics, *unquoted])


def _first_of_each_kind(diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Returns the first diagnostic of each kind, with a note on how many more there are."""
    kinds: dict[str, list[Diagnostic]] = {}
    for each in sorted(diagnostics, key=lambda one: one.span.start if one.span else 0):
        kinds.setdefault(each.message, []).append(each)
    found = []
    for first, *others in kinds.values():
        more = f"{len(others)} more of it in this text" if others else ""
        notes = (*first.notes, Note(more, None)) if more else first.notes
        found.append(replace(first, notes=notes))
    return found


def _declared_in_text(text: str, tokens: Sequence[Token]) -> set[str]:
    """Returns declared operators that look like foreign syntax, as in `let # (a, b) = …`."""
    found = set()
    before = None
    for token in tokens:
        if token.type == "INFIX" and token[0] in "#;'/":
            is_let = before is not None and before.type == "LET"
            if is_let or _DECLARATION.match(text, token.end_pos):
                found.add(str(token))
        before = token
    return found


def _find_repairs(
    source: Source, text: str, tokens: list[Token], declared: Collection[str]
) -> list[_Repair]:
    found: list[_Repair] = []
    passed = 0
    for token in tokens:
        if token.start_pos < passed or token.type not in ("INFIX", "BAD"):
            continue
        each = _find_repair(source, text, token, declared)
        if each is not None:
            found.append(each)
            passed = each.stop
    return found


def _find_repair(
    source: Source, text: str, token: Token, declared: Collection[str]
) -> _Repair | None:
    start = token.start_pos
    if token in declared:
        return None
    if token.startswith("#"):
        stop = _end_of_line(text, start)
        return _comment(source, "`#` does not begin a comment", start, stop, start + 1)
    if token.startswith("/*"):
        end = text.find("*/", start + 2)
        stop = end + 2 if end >= 0 else len(text)
        return _comment(source, "`/*` does not begin a comment", start, stop, start + 2)
    if token.startswith(";") and not token.strip(";"):
        message, hint = (
            "`;` does not end a command",
            "leave it out: the next command begins by itself",
        )
        span = Span(source, start, token.end_pos)
        diagnostic = Diagnostic("E100", message, span, help=hint)
        return _Repair(diagnostic, start, token.end_pos, " " * len(token))
    quoted = _SINGLE.match(text, start) or _CURLY.match(text, start)
    if quoted is not None:
        inside = next((each for each in quoted.groups() if each is not None), "")
        diagnostic = Diagnostic(
            "E100",
            f"strings are not written with {text[start]} but with double quotes",
            Span(source, start, quoted.end()),
            help=f'write "{inside}"',
        )
        return _Repair(diagnostic, start, quoted.end(), f'"{inside}"')
    return None


def _comment(source: Source, message: str, start: int, stop: int, shown: int) -> _Repair:
    hint = "a comment goes from `//` to the end of the line"
    blank = re.sub(r"[^\n]", " ", source.text[start:stop])
    return _Repair(
        Diagnostic("E100", message, Span(source, start, shown), help=hint), start, stop, blank
    )


def _end_of_line(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


# Unquoted strings.

#: Commands that take a string.
_WITH_TEXT = frozenset(("LOAD", "SAVE", "PRINT", "IMPORT"))


def _add_quotes(
    source: Source, text: str, tokens: list[Token]
) -> tuple[list[Token], list[Diagnostic]]:
    """Returns the tokens with missing quotes added to file names and labels."""
    diagnostics: list[Diagnostic] = []
    result: list[Token] = []
    copied = 0
    for index, token in enumerate(tokens):
        if token.type not in _WITH_TEXT or index < copied:
            continue
        position = index + 1
        if token.type == "LOAD":
            position = index + 3
            if [str(each) for each in tokens[index + 2 : position]] != ["="]:
                continue
        stop = _end_of_unquoted(text, tokens, token, position)
        if stop is None:
            continue
        start = tokens[position].start_pos
        diagnostics.append(_lacks_quotes(token, text[start:stop], Span(source, start, stop)))
        string = Token.at("TEXT", f'"{text[start:stop]}"', start)
        string.end_pos = stop
        result += [*tokens[copied:position], string]
        copied = position
        while copied < len(tokens) and tokens[copied].start_pos < stop:
            copied += 1
    return [*result, *tokens[copied:]], diagnostics


def _end_of_unquoted(text: str, tokens: list[Token], command: Token, position: int) -> int | None:
    """Returns the end of a string expected at ``place`` that lacks its quotes, or None."""
    if position >= len(tokens) or tokens[position].type in (
        *COMMANDS,
        "TEXT",
        "LPAR",
        "BAD",
        "VARIABLE",
    ):
        return None
    first = tokens[position]
    if "\n" in text[command.end_pos : first.start_pos]:
        return None
    word = _WORD.match(text, first.start_pos)
    if word is None:
        return None
    is_file = FILE_NAME.fullmatch(word[0]) is not None
    if command.type == "LOAD":
        return word.end() if is_file and not text[word.end() :].startswith(("(", "[")) else None
    if command.type == "IMPORT" or is_file:
        return word.end()
    following = tokens[position + 1] if position + 1 < len(tokens) else None
    is_label = first.type == "NAME" and following is not None and following.type not in COMMANDS
    if not is_label or following is None or "\n" in text[first.end_pos : following.start_pos]:
        return None
    begins = following.type in ("NAME", "NUMBER", "LSQB", "TRUE", "FALSE", "IF", "FOR", "VARIABLE")
    return first.end_pos if begins else None


def _lacks_quotes(command: Token, name: str, span: Span) -> Diagnostic:
    what = {"LOAD": "the path of a file", "SAVE": "a file's name", "IMPORT": "what is imported"}
    message = f"{what.get(command.type, 'a label')} is a string, and a string has double quotes"
    return Diagnostic("E100", message, span, help=f'write "{name}"')
