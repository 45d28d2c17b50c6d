"""What of a text is written as in another language? Quotes, comments, ends of commands.

``#``, ``;`` and ``'`` may be operators here, so they are looked at only where nothing declares
them. Each kind is told once, with what to write, and all are read as they were meant: what is wrong
besides is told too, and nothing is said of what only follows from them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

from voxgpu.diagnostics import Diagnostic, Note, Source, Span
from voxgpu.language.lexer import COMMANDS, Token

#: How files of images and programs end, as far as it is known without any reader.
FILE_NAME = re.compile(
    r"[\w./~\\:$#%+-]*\.(?:nii|nii\.gz|nrrd|nhdr|mha|mhd|hdr|img|mgh|mgz|dcm|tiff?|png|jpe?g|bmp|imgql)",
    re.IGNORECASE,
)

_SINGLE = re.compile(r"'([^'\"\n]*)'")
_CURLY = re.compile(r"[“”„«]([^“”„«»\"\n]*)[”“»]|[‘‚]([^‘’‚\"\n]*)[’‘]")
_WORD = re.compile(r"[^\s\"'()\[\],]+")
_DECLARATION = re.compile(r"\s*\(\s*\w+\s*(?:,\s*\w+\s*)*\)\s*=(?!=)")

Cut = Callable[[str], list[Token]]


class _Found(NamedTuple):
    """Characters that are written otherwise here: what is told, and what stands for them."""

    diagnostic: Diagnostic
    start: int
    stop: int
    instead: str


def read_as_meant(
    source: Source, tokens: list[Token], cut: Cut, declared: Collection[str]
) -> tuple[list[Token], list[Diagnostic]]:
    """The words of a text with habits of other languages mended, and what is wrong with them.

    cut       the words of a text
    declared  the operators that there are
    """
    told: list[Diagnostic] = []
    text = source.text
    taken = {*declared, *_declared_here(text, tokens)}
    while True:
        found = _habits(source, text, tokens, taken)
        if not found:
            break
        told += [each.diagnostic for each in found]
        pieces, place = [], 0
        for each in found:
            pieces += [text[place : each.start], each.instead]
            place = each.stop
        text = "".join([*pieces, text[place:]])
        tokens = cut(text)
    tokens, unquoted = _quoted(source, text, tokens)
    return tokens, _each_once([*told, *unquoted])


def _each_once(told: Sequence[Diagnostic]) -> list[Diagnostic]:
    """The first of each kind, which says how many more there are."""
    kinds: dict[str, list[Diagnostic]] = {}
    for each in sorted(told, key=lambda one: one.span.start if one.span else 0):
        kinds.setdefault(each.message, []).append(each)
    found = []
    for first, *others in kinds.values():
        more = f"{len(others)} more of it in this text" if others else ""
        notes = (*first.notes, Note(more, None)) if more else first.notes
        found.append(replace(first, notes=notes))
    return found


def _declared_here(text: str, tokens: Sequence[Token]) -> set[str]:
    """What might be a habit and is an operator that the text declares: `let # (a, b) = …`."""
    found = set()
    before = None
    for token in tokens:
        if token.type == "INFIX" and token[0] in "#;'/":
            is_let = before is not None and before.type == "LET"
            if is_let or _DECLARATION.match(text, token.end_pos):
                found.add(str(token))
        before = token
    return found


def _habits(
    source: Source, text: str, tokens: list[Token], declared: Collection[str]
) -> list[_Found]:
    found: list[_Found] = []
    passed = 0
    for token in tokens:
        if token.start_pos < passed or token.type not in ("INFIX", "BAD"):
            continue
        each = _habit(source, text, token, declared)
        if each is not None:
            found.append(each)
            passed = each.stop
    return found


def _habit(source: Source, text: str, token: Token, declared: Collection[str]) -> _Found | None:
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
        return _Found(diagnostic, start, token.end_pos, " " * len(token))
    quoted = _SINGLE.match(text, start) or _CURLY.match(text, start)
    if quoted is not None:
        inside = next((each for each in quoted.groups() if each is not None), "")
        diagnostic = Diagnostic(
            "E100",
            f"strings are not written with {text[start]} but with double quotes",
            Span(source, start, quoted.end()),
            help=f'write "{inside}"',
        )
        return _Found(diagnostic, start, quoted.end(), f'"{inside}"')
    return None


def _comment(source: Source, message: str, start: int, stop: int, shown: int) -> _Found:
    hint = "a comment goes from `//` to the end of the line"
    blank = re.sub(r"[^\n]", " ", source.text[start:stop])
    return _Found(
        Diagnostic("E100", message, Span(source, start, shown), help=hint), start, stop, blank
    )


def _end_of_line(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


# Names that are strings.

#: Commands that a string belongs to.
_WITH_TEXT = frozenset(("LOAD", "SAVE", "PRINT", "IMPORT"))


def _quoted(source: Source, text: str, tokens: list[Token]) -> tuple[list[Token], list[Diagnostic]]:
    """The words with file names and labels made strings where they lack their quotes."""
    told: list[Diagnostic] = []
    result: list[Token] = []
    done = 0
    for index, token in enumerate(tokens):
        if token.type not in _WITH_TEXT or index < done:
            continue
        place = index + 1
        if token.type == "LOAD":
            place = index + 3
            if [str(each) for each in tokens[index + 2 : place]] != ["="]:
                continue
        stop = _unquoted(text, tokens, token, place)
        if stop is None:
            continue
        start = tokens[place].start_pos
        told.append(_lacks_quotes(token, text[start:stop], Span(source, start, stop)))
        string = Token.at("TEXT", f'"{text[start:stop]}"', start)
        string.end_pos = stop
        result += [*tokens[done:place], string]
        done = place
        while done < len(tokens) and tokens[done].start_pos < stop:
            done += 1
    return [*result, *tokens[done:]], told


def _unquoted(text: str, tokens: list[Token], command: Token, place: int) -> int | None:
    """Where a string ends that should stand at ``place`` and lacks its quotes; else None."""
    if place >= len(tokens) or tokens[place].type in (*COMMANDS, "TEXT", "LPAR", "BAD", "VARIABLE"):
        return None
    first = tokens[place]
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
    following = tokens[place + 1] if place + 1 < len(tokens) else None
    is_label = first.type == "NAME" and following is not None and following.type not in COMMANDS
    if not is_label or following is None or "\n" in text[first.end_pos : following.start_pos]:
        return None
    begins = following.type in ("NAME", "NUMBER", "LSQB", "TRUE", "FALSE", "IF", "FOR", "VARIABLE")
    return first.end_pos if begins else None


def _lacks_quotes(command: Token, name: str, span: Span) -> Diagnostic:
    what = {"LOAD": "the path of a file", "SAVE": "a file's name", "IMPORT": "what is imported"}
    message = f"{what.get(command.type, 'a label')} is a string, and a string has double quotes"
    return Diagnostic("E100", message, span, help=f'write "{name}"')
