"""Parser: turns program text into a syntax tree, with recovery after errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from threading import Lock

from voxgpu.diagnostics import Diagnostic, Source, Span
from voxgpu.forking import call_in_child
from voxgpu.frozen import frozen
from voxgpu.language.ast import Command, Dialect
from voxgpu.language.ast_builder import Builder
from voxgpu.language.brackets import DEEPEST, too_deep
from voxgpu.language.lalr import END, Parser, UnexpectedTokenError, read_tables
from voxgpu.language.lexer import (
    COMMANDS,
    Token,
    command_before,
    next_command,
    tokenize,
    word_pattern,
)
from voxgpu.language.operator_classifier import Operators, classify
from voxgpu.language.scope import suggestion
from voxgpu.language.syntax_errors import explain

_DIALECT_COMMENT = re.compile(r"\s*//+\s*dialect\s*:\s*(?P<name>.*?)\s*$", re.IGNORECASE)


@frozen
class Parsed:
    """The commands of a text, the operators it declares, and the diagnostics."""

    commands: tuple[Command, ...]
    declared: Operators
    diagnostics: tuple[Diagnostic, ...]


def declared_dialect(text: str) -> Dialect | None:
    """Returns the dialect declared on the first line (``// dialect: imgql1``), or None."""
    match = _DIALECT_COMMENT.match(text.split("\n", 1)[0])
    if match and match["name"].lower() in Dialect._value2member_map_:
        return Dialect(match["name"].lower())
    return None


def unknown_dialect(source: Source) -> Diagnostic | None:
    """Returns the error for a first line that declares an unknown dialect, or None."""
    match = _DIALECT_COMMENT.match(source.text.split("\n", 1)[0])
    if not match or match["name"].lower() in Dialect._value2member_map_:
        return None
    name = match["name"]
    span = Span(source, match.start("name"), match.end("name"))
    if not name:
        span = Span(source, match.start(), match.end())
    known = [each.value for each in Dialect if each is not Dialect.IMGQL]
    message = f"there is no dialect `{name}`" if name else "this names no dialect"
    guess = suggestion(name, known)
    hint = f"the dialects are {', '.join(known[:-1])} and {known[-1]}"
    return Diagnostic("E100", message, span, help=f"{guess}; {hint}" if guess else hint)


def tokenize_source(source: Source) -> list[Token]:
    """Returns the tokens of a source; operators are not yet classified."""
    return tokenize_text(source.text)


def tokenize_text(text: str) -> list[Token]:
    """Returns the tokens of a text; operators are not yet classified."""
    return tokenize(_parser().pattern, text)


def is_command(tokens: list[Token], operators: Operators) -> bool:
    """Returns whether the tokens start with a command rather than an expression."""
    classified = classify(list(tokens), operators).tokens
    if not classified or classified[0].type not in COMMANDS | {"DECLARED"}:
        return not classified
    is_local = classified[0].type == "LET" and any(token.type == "IN" for token in classified)
    return not (is_local and _first_let_is_local(classified))


def _first_let_is_local(tokens: list[Token]) -> bool:
    """Returns whether the first ``let`` has an ``in`` beyond those of inner bindings and loops."""
    binding = sum(token.type in ("LOCAL", "FOR", "FILTER") for token in tokens)
    return sum(token.type == "IN" for token in tokens) > binding


def parse(
    source: Source,
    operators: Operators,
    dialect: Dialect = Dialect.IMGQL,
    tokens: list[Token] | None = None,
) -> Parsed:
    """Parses a program.

    operators  the operators and names in capitals bound outside it, with their operand counts
    tokens     the tokens of the source, if already available
    """
    classified = classify(tokenize_source(source) if tokens is None else tokens, operators)
    deep = too_deep(classified.tokens)
    if deep is not None:
        span = Span(source, deep.start_pos, deep.end_pos)
        message = f"this is nested more than {DEEPEST} deep"
        hint = "give parts of it names, with `let`"
        return Parsed((), classified.declared, (Diagnostic("E100", message, span, help=hint),))
    parser = _parser()
    with parser.lock:
        builder = parser.builder
        builder.begin(source, dialect)
        diagnostics = list(_parse_all(parser, source, classified.tokens))
        commands = tuple(builder.commands)
        diagnostics += builder.diagnostics
        builder.begin(source, dialect)
    diagnostics.sort(key=lambda each: each.span.start if each.span else 0)
    return Parsed(commands, classified.declared, tuple(diagnostics))


def _parse_all(parser: _Parser, source: Source, tokens: list[Token]) -> Iterator[Diagnostic]:
    """Parses the tokens; after each error, reports it and resumes at the next command."""
    start = 0
    while start < len(tokens):
        try:
            parser.driver.parse(tokens[start:] if start else tokens)
            return
        except UnexpectedTokenError as error:
            at = len(tokens) if error.token.type == END else _index_of(tokens, error.token, start)
            yield explain(source, tokens, at, error.accepts)
            parser.builder.keep_name(command_before(tokens, at))
            start = next_command(tokens, at - 1 if _begins_line(source, tokens, at, start) else at)


def _begins_line(source: Source, tokens: list[Token], at: int, start: int) -> bool:
    """Returns whether the unexpected token is on a new line, where a valid command may start."""
    if not start < at < len(tokens):
        return False
    return "\n" in source.text[tokens[at - 1].end_pos : tokens[at].start_pos]


def _index_of(tokens: list[Token], token: Token, start: int) -> int:
    return next(i for i in range(start, len(tokens)) if tokens[i] is token)


@frozen
class _Parser:
    """The parser with its builder, which only one thread at a time may use."""

    driver: Parser
    pattern: re.Pattern[str]
    builder: Builder
    lock: Lock


@cache
def _parser() -> _Parser:
    tables, builder = read_tables(), Builder()
    return _Parser(Parser(tables, builder), word_pattern(tables.terminals), builder, Lock())


# The lock of the cached parser may be held by another thread during a fork.
call_in_child(_parser.cache_clear)
