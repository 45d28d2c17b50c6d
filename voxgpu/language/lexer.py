"""Into which words is a text cut, before anything is known of what is bound?"""

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
#: The words that commands begin with.
COMMANDS = frozenset(("LOAD", "LET", "SAVE", "PRINT", "IMPORT"))
#: The words of expressions, which cannot be names.
EXPRESSION_WORDS = frozenset(("IF", "THEN", "ELSE", "FOR", "DO", "IN"))

#: The types of words that an operand may end with, and of those it may begin with.
ENDS_OPERAND = frozenset(
    ("NUMBER", "TEXT", "TRUE", "FALSE", "VARIABLE", "NAME", "BARE", "RPAR", "RSQB")
)
STARTS_OPERAND = ENDS_OPERAND - {"RPAR", "RSQB"} | {"LPAR", "LSQB", "INFIX", "IF", "FOR"}


class Token(str):
    """A word, what it is, and where it stands; with what the parser asks of its tokens.

    lark's own class does the same at more than twice the cost, and there is one for each word.
    """

    __slots__ = ("end_pos", "start_pos", "type")
    type: str
    start_pos: int
    end_pos: int
    line = column = end_line = end_column = None

    @classmethod
    def at(cls, kind: str, word: str, start: int) -> Token:
        """The word that begins at character ``start``."""
        token = str.__new__(cls, word)
        token.type = kind
        token.start_pos = start
        token.end_pos = start + len(word)
        return token


def word_pattern(terminals: Mapping[str, str]) -> re.Pattern[str]:
    """The pattern of one word, blanks and comments before it included; ``BAD`` if it is none.

    terminals  the patterns of the grammar by name, ``BLANK`` and ``COMMENT`` among them; of
               several that fit the first is taken
    """
    skipped = f"(?:{terminals['BLANK']}|{terminals['COMMENT']})*+"
    kinds = "|".join(
        f"(?P<{name}>{pattern})"
        for name, pattern in terminals.items()
        if name not in ("BLANK", "COMMENT")
    )
    return re.compile(rf'{skipped}(?:{kinds}|(?P<BAD>"[^\n]*|\S)|\Z)')


def tokenize(pattern: re.Pattern[str], text: str) -> list[Token]:
    """The words of a text as they are written; what is no word is a token of type ``BAD``."""
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
    """The strings that follow ``import``."""
    for before, token in pairwise(tokens):
        if before.type == "IMPORT" and token.type == "TEXT":
            yield token


def command_before(tokens: list[Token], index: int) -> list[Token]:
    """The words of the command that goes wrong at ``index``, up to there."""
    for place in range(min(index, len(tokens)) - 1, -1, -1):
        if _begins_command(tokens, place):
            return tokens[place:index]
    return []


def _begins_command(tokens: list[Token], index: int) -> bool:
    kind = tokens[index].type
    if kind == "DECLARED":
        return index == 0 or tokens[index - 1].type not in ("LET", "LOCAL")
    return kind in COMMANDS


def next_command(tokens: list[Token], index: int) -> int:
    """Where to go on after a mistake at ``index``: the next word that begins a command."""
    for place in range(index + 1, len(tokens)):
        if _begins_command(tokens, place):
            return place
    return len(tokens)


def join(first: Token, second: Token) -> Token:
    """Two words next to each other as one, such as ``B+``."""
    return Token.at("INFIX", first + second, first.start_pos)


def signs(run: Token) -> list[Token]:
    """The signs that a run of them consists of, each a word."""
    return [Token.at("INFIX", sign, run.start_pos + place) for place, sign in enumerate(run)]
