"""LALR(1) parser: runs tables that ``make_tables.py`` made of the grammar, without lark.

Making the tables takes longer than all else that a small program needs, so they are kept in a file
beside the grammar; a test compares the two.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from voxgpu.frozen import frozen
from voxgpu.language.lexer import Token

#: The type of the token after the last one.
END = "$END"


class UnexpectedTokenError(Exception):
    """A token that nothing can go on with.

    token    of type END, the end of the text
    accepts  the types of the tokens that can stand in its place
    """

    def __init__(self, token: Token, accepts: frozenset[str]) -> None:
        super().__init__(token.type)
        self.token = token
        self.accepts = accepts


@frozen
class Rule:
    """A rule of the grammar: the symbols it replaces by one.

    origin    the symbol it makes
    size      number of symbols
    kept      positions of the symbols whose values are passed on
    inlined   positions among them of values that are lists, which are passed on one by one
    callback  the method that makes the value; empty: the only value, or the list of all of them
    """

    origin: str
    size: int
    kept: tuple[int, ...]
    inlined: frozenset[int]
    callback: str


@frozen
class Tables:
    """The tables of a grammar.

    grammar    SHA-256 of its text
    terminals  patterns of tokens by their types, in the order of the grammar
    states     for each state what follows on a symbol: the number of the next state, or −1 − the
               number of the rule that is complete
    """

    grammar: str
    terminals: Mapping[str, str]
    rules: Sequence[Rule]
    states: Sequence[Mapping[str, int]]
    start: int
    end: int


def read_tables() -> Tables:
    """The tables of the grammar of ImgQL."""
    data = json.loads(Path(__file__).with_name("imgql_tables.json").read_text("utf-8"))
    rules = [
        Rule(origin, size, tuple(kept), frozenset(inlined), callback)
        for origin, size, kept, inlined, callback in data["rules"]
    ]
    return Tables(
        data["grammar"], data["terminals"], rules, data["states"], data["start"], data["end"]
    )


def digest_of(grammar: str) -> str:
    """What ``Tables.grammar`` is for tables of this text."""
    return sha256(grammar.encode()).hexdigest()


class Parser:
    """A parser that has the methods of a builder make values of what it recognizes."""

    def __init__(self, tables: Tables, builder: Any) -> None:
        self._states = tables.states
        self._rules = tables.rules
        self._start, self._end = tables.start, tables.end
        self._make = [_maker(rule, builder) for rule in tables.rules]

    def parse(self, tokens: Sequence[Token]) -> Any:
        """The value of the whole. Raises UnexpectedTokenError at the first wrong token."""
        rules, states, make = self._rules, self._states, self._make
        path, values = [self._start], list[Any]()
        for token in (*tokens, Token.at(END, "", 0)):
            kind = token.type
            while True:
                step = states[path[-1]].get(kind)
                if step is None:
                    raise UnexpectedTokenError(token, self._accepted(path))
                if step >= 0:
                    path.append(step)
                    values.append(token)
                    break
                rule, size = rules[-1 - step], rules[-1 - step].size
                inside = values[len(values) - size :]
                if size:
                    del path[-size:], values[-size:]
                values.append(make[-1 - step](inside))
                path.append(states[path[-1]][rule.origin])
                if kind == END and path[-1] == self._end:
                    return values[-1]
        raise AssertionError("the end was shifted")

    def _accepted(self, path: Sequence[int]) -> frozenset[str]:
        """The types of the tokens that can follow, of those that the last state lists."""
        listed = [kind for kind in self._states[path[-1]] if kind == END or kind.isupper()]
        return frozenset(kind for kind in listed if self._can_take(list(path), kind))

    def _can_take(self, path: list[int], kind: str) -> bool:
        while True:
            step = self._states[path[-1]].get(kind)
            if step is None:
                return False
            if step >= 0:
                return True
            rule = self._rules[-1 - step]
            if rule.size:
                del path[-rule.size :]
            path.append(self._states[path[-1]][rule.origin])
            if kind == END and path[-1] == self._end:
                return True


def _maker(rule: Rule, builder: Any) -> Callable[[list[Any]], Any]:
    """A function that makes the value of a rule of the values of its symbols."""
    keeps_all = rule.kept == tuple(range(rule.size)) and not rule.inlined
    made: Callable[[list[Any]], Any] | None = getattr(builder, rule.callback, None)

    def passed_on(inside: list[Any]) -> list[Any]:
        found: list[Any] = []
        for number in rule.kept:
            if number in rule.inlined:
                found += inside[number]
            else:
                found.append(inside[number])
        return found

    if rule.callback:
        assert made is not None, rule.callback
        return made if keeps_all else lambda inside: made(passed_on(inside))
    if rule.origin.startswith("_"):
        return passed_on
    return lambda inside: passed_on(inside)[0]
