"""Terms: the expressions behind lazy values, which share their subexpressions.

A term is a syntax tree of ImgQL whose leaves may also be images, and parameters of functions of
Python. Shared subexpressions are one object, so terms are graphs; they become trees with bound
names in ``commands.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace
from typing import Any, TypeAlias

from voxgpu.diagnostics import Span
from voxgpu.files.header import Header
from voxgpu.frozen import frozen
from voxgpu.language.ast import Array, Call, Expression, Fold, If, Index, Slice, children
from voxgpu.primitives.primitive import Primitive


@frozen(slots=True, eq=False)
class Input:
    """An image that is loaded from a file or given in memory.

    name    what it is called in ImgQL, if the name is free
    path    the file; empty for an image in memory
    header  of the image in memory; None for a file
    """

    name: str
    path: str
    header: Header | None
    span: Span = field(repr=False)


@frozen(slots=True, eq=False)
class Parameter:
    """The item that a loop is at; those of inner loops have greater numbers."""

    number: int
    span: Span = field(repr=False)


@frozen(slots=True, eq=False)
class Loop:
    """The body for each item of a sequence, or, if ``filters``, the items for which it is true."""

    filters: bool
    parameter: Parameter
    sequence: Term
    body: Term
    span: Span = field(repr=False)


@frozen(slots=True)
class LibraryCall(Call):
    """A call of a function that a program has to import: ``library`` provides it."""

    library: str = ""


@frozen(slots=True)
class PrimitiveCall(Call):
    """A call of a primitive that was defined in Python; ``overloads`` are that primitive."""

    overloads: tuple[Primitive, ...] = ()


Term: TypeAlias = Expression | Input | Parameter | Loop


def parts(term: Term) -> tuple[Term, ...]:
    """The direct subterms."""
    if isinstance(term, Input | Parameter):
        return ()
    return (term.sequence, term.body) if isinstance(term, Loop) else children(term)


def with_parts(term: Term, inside: Sequence[Any]) -> Term:
    """The same term with other subterms, in the order of ``parts``."""
    match term:
        case Call():
            return replace(term, arguments=tuple(inside))
        case Array():
            return replace(term, items=tuple(inside))
        case Index():
            return replace(term, sequence=inside[0], position=inside[1])
        case Slice():
            sequence, *bounds = inside
            start = bounds.pop(0) if term.start is not None else None
            return replace(term, sequence=sequence, start=start, stop=bounds[0] if bounds else None)
        case Loop():
            return replace(term, sequence=inside[0], body=inside[1])
        case Fold():
            return replace(term, start=inside[0] if len(inside) > 1 else None, sequence=inside[-1])
        case If():
            condition, yes, no = inside
            return replace(term, condition=condition, yes=yes, no=no)
    return term


def in_order(roots: Sequence[Term]) -> list[Term]:
    """All terms, each once and after its subterms."""
    found: dict[int, Term] = {}
    stack = list(reversed(roots))
    while stack:
        top = stack[-1]
        waiting = [each for each in parts(top) if id(each) not in found]
        if waiting and id(top) not in found:
            stack.extend(reversed(waiting))
            continue
        stack.pop()
        found.setdefault(id(top), top)
    return list(found.values())


def table(root: Term) -> list[tuple[Term, list[int]]]:
    """All terms, each without its subterms and with their rows; the last is the root."""
    rows: list[tuple[Term, list[int]]] = []
    places: dict[int, int] = {}
    for each in in_order([root]):
        inside = [places[id(part)] for part in parts(each)]
        places[id(each)] = len(rows)
        rows.append((with_parts(each, [...] * len(inside)) if inside else each, inside))
    return rows


def of_table(rows: Sequence[tuple[Term, list[int]]]) -> Term:
    """The root of a table."""
    made: list[Term] = []
    for each, inside in rows:
        made.append(with_parts(each, [made[row] for row in inside]) if inside else each)
    return made[-1]
