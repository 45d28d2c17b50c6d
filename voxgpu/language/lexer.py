"""Lexer: splits text into tokens, independently of which names are bound."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

KEYWORDS = {
    "load": "LOAD",
    "let": "LET",
    "save": "SAVE",
    "print": "PRINT",
    "import": "IMPORT",
    "in": "IN",
    "true": "TRUE",
    "false": "FALSE",
    "inf": "NUMBER",
    "nan": "NUMBER",
    **{word: word.upper() for word in ("if", "then", "else", "for", "do")},
}
#: Token types that start a command.
COMMANDS = frozenset(("LOAD", "LET", "SAVE", "PRINT", "IMPORT"))
#: Token types of expression keywords, which cannot be names.
EXPRESSION_WORDS = frozenset(("IF", "THEN", "ELSE", "FOR", "DO", "IN"))

#: Token types that can end an operand, and those that can start one.
ENDS_OPERAND = frozenset(
    ("NUMBER", "TEXT", "TRUE", "FALSE", "VARIABLE", "NAME", "BARE", "RPAR", "RSQB")
)
STARTS_OPERAND = ENDS_OPERAND - {"RPAR", "RSQB"} | {"LPAR", "LSQB", "INFIX", "IF", "FOR"}


class Token(str):
    """A token: its text, with its type and its position in characters."""

    __slots__ = ("end_pos", "start_pos", "type")
    type: str
    start_pos: int
    end_pos: int

    @classmethod
    def at(cls, kind: str, word: str, start: int) -> Token:
        """Creates a token that starts at character ``start``."""
        token = str.__new__(cls, word)
        token.type = kind
        token.start_pos = start
        token.end_pos = start + len(word)
        return token


def word_pattern(terminals: Mapping[str, str]) -> re.Pattern[str]:
    """Returns the pattern of one token after optional blanks and comments; errors match ``BAD``.

    terminals  the grammar's patterns by name, including ``BLANK`` and ``COMMENT``; the first that
               matches is taken
    """
    skipped = f"(?:{terminals['BLANK']}|{terminals['COMMENT']})*+"
    kinds = "|".join(
        f"(?P<{name}>{pattern})"
        for name, pattern in terminals.items()
        if name not in ("BLANK", "COMMENT")
    )
    return re.compile(rf'{skipped}(?:{kinds}|(?P<BAD>"[^\n]*|\S)|\Z)')


def tokenize(pattern: re.Pattern[str], text: str) -> list[Token]:
    """Returns the tokens of a text; characters that form no token become type ``BAD``."""
    tokens: list[Token] = []
    for match in pattern.finditer(text):
        kind = match.lastgroup
        if kind is None:
            continue
        word = match[kind]
        if kind == "NAME":
            kind = KEYWORDS.get(word, kind)
        tokens.append(Token.at(kind, word, match.end() - len(word)))
    return tokens


def imported_names(tokens: list[Token]) -> Iterator[Token]:
    """Yields the strings that follow ``import``."""
    for before, token in pairwise(tokens):
        if before.type == "IMPORT" and token.type == "TEXT":
            yield token


def command_before(tokens: list[Token], index: int) -> list[Token]:
    """Returns the tokens of the command that contains an error at ``index``, up to the error."""
    for position in range(min(index, len(tokens)) - 1, -1, -1):
        if _begins_command(tokens, position):
            return tokens[position:index]
    return []


def _begins_command(tokens: list[Token], index: int) -> bool:
    kind = tokens[index].type
    if kind == "DECLARED":
        return index == 0 or tokens[index - 1].type not in ("LET", "LOCAL")
    return kind in COMMANDS


def next_command(tokens: list[Token], index: int) -> int:
    """Returns where to resume after an error at ``index``: the next token that starts a command."""
    for position in range(index + 1, len(tokens)):
        if _begins_command(tokens, position):
            return position
    return len(tokens)


def join(first: Token, second: Token) -> Token:
    """Joins two adjacent tokens into one operator, such as ``B+``."""
    return Token.at("INFIX", first + second, first.start_pos)


def split_run(run: Token) -> list[Token]:
    """Splits a run of operator characters into one token per character."""
    return [Token.at("INFIX", sign, run.start_pos + position) for position, sign in enumerate(run)]
