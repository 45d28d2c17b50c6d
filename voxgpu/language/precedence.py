"""Operator precedence: grouping of operator chains by table or by the rules of a dialect.

A chain is converted to postfix order. Each reading is a permutation of the same operands and
operators, so two readings are identical exactly if their postfix orders are equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from voxgpu.diagnostics import Diagnostic
from voxgpu.language.ast import (
    Call,
    Chain,
    Dialect,
    Expression,
    Mistake,
    NumberLiteral,
    Operator,
)

Piece = Expression | Operator

OR, AND, COMPARISON, NAMED, ADDITION, MULTIPLICATION, PREFIX, POWER = range(8)

_LEVELS = {
    "|": OR,
    "||": OR,
    "&": AND,
    "&&": AND,
    "\\": AND,
    **dict.fromkeys(("=", "==", "!=", "<", "<=", ">", ">="), COMPARISON),
    **dict.fromkeys(("+", "-"), ADDITION),
    **dict.fromkeys(("*", "/"), MULTIPLICATION),
    **dict.fromkeys(("^", "**"), POWER),
}

#: Chains of a single one of these operators give bit-identical values however they are grouped.
_ASSOCIATIVE = {"&", "&&", ".&.", "|", "||", ".|."}


def level(name: str) -> int:
    """Returns the precedence of an infix operator, independent of its dots."""
    return _LEVELS.get(name.strip("."), NAMED)


def read_chain(pieces: Sequence[Piece], dialect: Dialect) -> tuple[Expression, Diagnostic | None]:
    """Returns the expression of a chain in a dialect, and an error or None.

    If other dialects read the chain differently, the expression keeps the chain; whether the values
    differ is decided once types are known (``ambiguity.py``).

    ``pieces`` alternates operands and infix operators, with any number of prefix operators before
    each operand.
    """
    ours = dialect in (Dialect.IMGQL, Dialect.VOXGPU)
    if ours:
        pieces = _with_signs_of_powers(pieces)
    order = _READINGS[dialect](pieces)
    expression = _build(order)
    if not ours or len(pieces) < 4:
        return expression, None
    mistake = _chained_comparison(order)
    if mistake:
        return Mistake(expression.span), mistake
    if dialect is Dialect.VOXGPU:
        return expression, None
    others = tuple(
        (version, tuple(reading))
        for version, reading in enumerate((_from_the_right(pieces), _from_the_left(pieces)), 1)
        if not _same(order, reading)
    )
    if not others or not isinstance(expression, Call) or _is_associative(pieces):
        return expression, None
    return replace(expression, chain=Chain(tuple(order), others, _build)), None


def _by_table(pieces: Sequence[Piece]) -> list[Piece]:
    """Returns the postfix order by precedence; only powers associate to the right."""
    order: list[Piece] = []
    waiting: list[Operator] = []
    for piece in pieces:
        if not isinstance(piece, Operator):
            order.append(piece)
        elif piece.is_prefix:
            waiting.append(piece)
        else:
            least = level(piece.name) + (level(piece.name) == POWER)
            while waiting and _binds(waiting[-1]) >= least:
                order.append(waiting.pop())
            waiting.append(piece)
    return order + waiting[::-1]


def _with_signs_of_powers(pieces: Sequence[Piece]) -> Sequence[Piece]:
    """Separates the sign of a number literal that is the base of a power: -2 ^ 2 is -4."""
    result: list[Piece] = []
    for piece, following in zip(pieces, [*pieces[1:], None], strict=True):
        number = piece.arguments[0] if isinstance(piece, Call) and piece.name == "-" else None
        is_power = isinstance(following, Operator) and level(following.name) == POWER
        if is_power and isinstance(piece, Call) and isinstance(number, NumberLiteral):
            assert isinstance(following, Operator)
            text = following.span.source.text[number.span.stop : following.span.start]
            if not text.strip():  # no closing parenthesis between them
                result += [Operator("-", True, piece.callee), number]
                continue
        result.append(piece)
    return result


def _from_the_right(pieces: Sequence[Piece]) -> list[Piece]:
    """VoxLogicA 1: each operator, prefix or infix, extends as far to the right as possible."""
    operators = [piece for piece in pieces if isinstance(piece, Operator)]
    return [piece for piece in pieces if not isinstance(piece, Operator)] + operators[::-1]


def _from_the_left(pieces: Sequence[Piece]) -> list[Piece]:
    """VoxLogicA 2: prefix operators bind tightest; infix operators associate to the left."""
    order: list[Piece] = []
    waiting: list[Operator] = []
    for piece in pieces:
        if not isinstance(piece, Operator):
            order.append(piece)
            while waiting and waiting[-1].is_prefix:
                order.append(waiting.pop())
        elif piece.is_prefix:
            waiting.append(piece)
        else:
            order.extend(reversed(waiting))
            waiting = [piece]
    return order + waiting[::-1]


_READINGS = {
    Dialect.IMGQL: _by_table,
    Dialect.VOXGPU: _by_table,
    Dialect.IMGQL1: _from_the_right,
    Dialect.IMGQL2: _from_the_left,
}


def _binds(operator: Operator) -> int:
    return PREFIX if operator.is_prefix else level(operator.name)


def _build(order: Sequence[Piece]) -> Expression:
    operands: list[Expression] = []
    for piece in order:
        if not isinstance(piece, Operator):
            operands.append(piece)
        elif piece.is_prefix:
            inside = operands.pop()
            operands.append(Call(piece.name, (inside,), piece.span, piece.span.to(inside.span)))
        else:
            right, left = operands.pop(), operands.pop()
            arguments = (left, right, *piece.extra)
            operands.append(Call(piece.name, arguments, piece.span, left.span.to(right.span)))
    return operands[0]


def _chained_comparison(order: Sequence[Piece]) -> Diagnostic | None:
    """Returns an error for a comparison used as operand of another comparison, or None."""
    depth: list[bool] = []
    for piece in order:
        if not isinstance(piece, Operator):
            depth.append(False)
        elif piece.is_prefix:
            depth[-1] = False
        else:
            right, left = depth.pop(), depth.pop()
            compares = level(piece.name) == COMPARISON
            if compares and (left or right):
                return Diagnostic(
                    "E100",
                    "comparisons cannot be chained",
                    piece.span,
                    help="write `(a < b) & (b < c)`, or between(lo, hi, v)",
                )
            depth.append(compares)
    return None


def _is_associative(pieces: Sequence[Piece]) -> bool:
    """Returns whether the value evidently does not depend on the grouping."""
    names = {piece.name for piece in pieces if isinstance(piece, Operator)}
    return len(names) == 1 and names <= _ASSOCIATIVE


def _same(first: Sequence[Piece], second: Sequence[Piece]) -> bool:
    return all(one is other for one, other in zip(first, second, strict=True))
