"""Commands of ImgQL for terms: loaded images, and names for what several terms share."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from voxgpu.compile import Prelude
from voxgpu.diagnostics import Source, Span
from voxgpu.files.header import Header
from voxgpu.frozen import frozen
from voxgpu.language.ast import (
    BooleanLiteral,
    Call,
    Command,
    Expression,
    Filter,
    For,
    Import,
    Let,
    Load,
    Local,
    Name,
    NumberLiteral,
    TextLiteral,
)
from voxgpu.primitives.primitive import Primitive
from voxgpu.python.lazy.terms import (
    Input,
    LibraryCall,
    Loop,
    Parameter,
    PrimitiveCall,
    Term,
    in_order,
    parts,
    with_parts,
)

#: Terms that are repeated rather than bound to a name.
_SHORT = (NumberLiteral, BooleanLiteral, TextLiteral, Name)

_WORDS = "load let in print save import if then else for do filter fold map true false inf nan"

#: Words that cannot be names.
RESERVED = frozenset((*_WORDS.split(), "and", "or", "not"))


@frozen
class Commands:
    """Commands that bind the values of terms.

    prelude  the commands, and what they refer to
    values   an expression for each term, over the names that are bound
    source   where the last term was written
    """

    prelude: Prelude
    values: tuple[Expression, ...]
    source: Source


def commands_of(
    terms: Sequence[Term], taken: Collection[str] = (), names: Sequence[str] = (), prefix: str = ""
) -> Commands:
    """The commands that bind the values of terms.

    taken   names that must not be bound
    names   of the first terms, which are then bound
    prefix  the beginning of all other names
    """
    builder = _Builder({*taken, *names}, prefix)
    values = builder.values(terms, names)
    libraries = [Import(name, span) for name, span in builder.libraries.items()]
    primitives = tuple(builder.primitives.values())
    prelude = Prelude((*libraries, *builder.commands), builder.given, primitives)
    return Commands(prelude, values, terms[-1].span.source if terms else Source("Python", ""))


class _Builder:
    def __init__(self, taken: set[str], prefix: str) -> None:
        self._taken, self._prefix = taken, prefix
        self._counts: Counter[str] = Counter()
        self.commands: list[Command] = []
        self.given: dict[str, Header] = {}
        self.libraries: dict[str, Span] = {}
        self.primitives: dict[int, Primitive] = {}
        self._own_names: dict[int, str] = {}
        #: Names of parameters, and what is bound within the body of their loops.
        self._parameters: dict[int, str] = {}
        self._local: dict[int, list[tuple[str, Expression, Span]]] = {}

    def values(self, terms: Sequence[Term], names: Sequence[str]) -> tuple[Expression, ...]:
        every = in_order(terms)
        uses = Counter(id(inside) for term in every for inside in parts(term))
        uses.update(id(term) for term in terms)
        wanted = {id(term): name for term, name in reversed(list(zip(terms, names, strict=False)))}
        made: dict[int, Expression] = {}
        free: dict[int, frozenset[int]] = {}
        for term in every:
            inside = parts(term)
            free[id(term)] = _free(term, [free[id(each)] for each in inside])
            name = wanted.get(id(term), "")
            if isinstance(term, Input):
                made[id(term)] = self._load(term, name)
                continue
            if isinstance(term, Parameter):
                self._parameters[term.number] = self._fresh("item")
                made[id(term)] = Name(self._parameters[term.number], term.span)
                continue
            expression = self._expression(term, [_used(made[id(e)], term.span) for e in inside])
            is_shared = uses[id(term)] > 1 and not isinstance(term, _SHORT)
            if free[id(term)] and is_shared:
                loop = max(free[id(term)])
                local = self._fresh("v")
                self._local.setdefault(loop, []).append((local, expression, term.span))
                expression = Name(local, term.span)
            elif name or is_shared:
                expression = self._let(expression, name, term.span)
            made[id(term)] = expression
        for term, name in zip(terms, names, strict=False):
            if wanted[id(term)] != name:
                self._let(made[id(term)], name, term.span)
        return tuple(made[id(term)] for term in terms)

    def _expression(self, term: Term, inside: Sequence[Expression]) -> Expression:
        """The term with these expressions as its parts."""
        if isinstance(term, Loop):
            number, span = term.parameter.number, term.span
            sequence, body = inside
            for name, value, place in reversed(self._local.pop(number, [])):
                body = Local(name, value, body, place, place)
            # A loop that ignores its item has not met its parameter.
            item = self._parameters.get(number) or self._fresh("item")
            kind = Filter if term.filters else For
            return kind(item, sequence, body, term.parameter.span, span)
        expression: Any = with_parts(term, inside) if inside else term
        if isinstance(expression, LibraryCall):
            self.libraries.setdefault(expression.library, expression.span)
        if isinstance(expression, PrimitiveCall):
            return self._call_of_own(expression)
        return expression  # type: ignore[no-any-return]

    def _call_of_own(self, call: PrimitiveCall) -> Call:
        """The call of a primitive defined in Python, which gets a name that no other has."""
        first = call.overloads[0]
        name = self._own_names.get(id(first))
        if name is None:
            name = self._own_names[id(first)] = self._fresh(call.name)
            for each in call.overloads:
                self.primitives[id(each)] = replace(each, names=(name,))
        return Call(name, call.arguments, call.callee, call.span)

    def _let(self, expression: Expression, name: str, span: Span) -> Name:
        name = name or self._fresh("v")
        self.commands.append(Let(name, None, expression, span, span))
        return Name(name, span)

    def _load(self, term: Input, name: str) -> Name:
        name = name or self._fresh(term.name)
        path = TextLiteral((term.path or name,), term.span)
        self.commands.append(Load(name, path, term.span, term.span))
        if term.header is not None:
            self.given[name] = term.header
        return Name(name, term.span)

    def _fresh(self, wanted: str) -> str:
        """A name that is free, like this one."""
        stem = unicodedata.normalize("NFC", re.sub(r"\W", "_", wanted)) or "v"
        stem = self._prefix + (f"v{stem}" if stem[0].isdigit() else stem)
        stem = stem.lower() if stem.isupper() else stem
        name = stem
        while name == f"{self._prefix}v" or name in self._taken or name in RESERVED:
            self._counts[stem] += 1
            name = f"{stem}{self._counts[stem]}"
        self._taken.add(name)
        return name


def _used(expression: Expression, span: Span) -> Expression:
    """A name where it is used, which is not where its value was bound."""
    return Name(expression.name, span) if isinstance(expression, Name) else expression


def _free(term: Term, inside: Sequence[frozenset[int]]) -> frozenset[int]:
    """The numbers of the parameters that a term depends on, from those of its parts."""
    if isinstance(term, Parameter):
        return frozenset([term.number])
    if isinstance(term, Loop):
        return inside[0] | (inside[1] - {term.parameter.number})
    return frozenset().union(*inside) if any(inside) else frozenset()
