"""What does a program look like once it is parsed? Frozen nodes, each with its place.

Infix and prefix operators and functions are all calls: of ``+``, of ``!``, of ``near``. Places are
not compared: two programs are equal if they say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from voxgpu.diagnostics import Span


class Dialect(Enum):
    """Whose reading of infix and prefix operators, and of division by zero, is taken.

    IMGQL is voxgpu's own, with warnings where a dialect reads a program otherwise; who writes
    VOXGPU knows that it is.
    """

    IMGQL = "imgql"
    VOXGPU = "voxgpu"
    IMGQL1 = "imgql1"
    IMGQL2 = "imgql2"


def _place() -> Span:
    return field(compare=False, repr=False)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class NumberLiteral:
    """``0.93``, ``inf``, ``nan``."""

    value: float
    span: Span = _place()


@dataclass(frozen=True, slots=True)
class BooleanLiteral:
    """``true`` or ``false``."""

    value: bool
    span: Span = _place()


@dataclass(frozen=True, slots=True)
class Variable:
    """``$name``, or the same inside a string."""

    name: str
    span: Span = _place()


@dataclass(frozen=True, slots=True)
class TextLiteral:
    """A string: its text, with the variables that stand in it."""

    parts: tuple[str | Variable, ...]
    span: Span = _place()


@dataclass(frozen=True, slots=True)
class Name:
    """A name that stands for a value."""

    name: str
    span: Span = _place()


@dataclass(frozen=True, slots=True)
class Call:
    """A function or operator applied to arguments; ``callee`` is where its name stands.

    chain  what it was written as, where dialects read that otherwise
    """

    name: str
    arguments: tuple[Expression, ...]
    callee: Span = _place()
    span: Span = _place()
    chain: Chain | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Array:
    """``[a, b]``."""

    items: tuple[Expression, ...]
    span: Span = _place()


@dataclass(frozen=True, slots=True)
class Index:
    """``sequence[position]``."""

    sequence: Expression
    position: Expression
    span: Span = _place()


@dataclass(frozen=True, slots=True)
class Slice:
    """``sequence[start:stop]``; either bound may be left out."""

    sequence: Expression
    start: Expression | None
    stop: Expression | None
    span: Span = _place()


@dataclass(frozen=True, slots=True)
class For:
    """``for name in sequence do body``."""

    name: str
    sequence: Expression
    body: Expression
    declared: Span = _place()
    span: Span = _place()


@dataclass(frozen=True, slots=True)
class Filter:
    """``filter name in sequence do body``: the items for which the body is true."""

    name: str
    sequence: Expression
    body: Expression
    declared: Span = _place()
    span: Span = _place()


@dataclass(frozen=True, slots=True)
class Fold:
    """``fold function sequence`` or ``fold function start sequence``."""

    function: str
    start: Expression | None
    sequence: Expression
    callee: Span = _place()
    span: Span = _place()


@dataclass(frozen=True, slots=True)
class If:
    """``if condition then yes else no``."""

    condition: Expression
    yes: Expression
    no: Expression
    span: Span = _place()


@dataclass(frozen=True, slots=True)
class Local:
    """``let name = value in body``."""

    name: str
    value: Expression
    body: Expression
    declared: Span = _place()
    span: Span = _place()


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something that is no expression; what is wrong with it has been said."""

    span: Span = _place()


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator where it stands; ``extra`` are the arguments of ``a ~[rad, bins] b``."""

    name: str
    is_prefix: bool
    span: Span
    extra: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """Operands and operators in the postfix order in which they are read, and in that of others.

    others         the version of VoxLogicA, and its order
    expression_of  the expression that an order says
    """

    order: tuple[Expression | Operator, ...]
    others: tuple[tuple[int, tuple[Expression | Operator, ...]], ...]
    expression_of: Callable[[Sequence[Expression | Operator]], Expression]

    @property
    def operands(self) -> tuple[Expression, ...]:
        """The operands, those in the brackets of operators too."""
        found: list[Expression] = []
        for piece in self.order:
            if isinstance(piece, Operator):
                found += piece.extra
            else:
                found.append(piece)
        return tuple(found)


Expression = (
    NumberLiteral
    | BooleanLiteral
    | TextLiteral
    | Variable
    | Name
    | Call
    | Array
    | Index
    | Slice
    | For
    | Filter
    | Fold
    | If
    | Local
    | Mistake
)


@dataclass(frozen=True, slots=True)
class Load:
    """``load name = path``."""

    name: str
    path: Expression
    declared: Span = _place()
    span: Span = _place()


@dataclass(frozen=True, slots=True)
class Let:
    """``let name = body`` or, with parameters, ``let name(a, b) = body``."""

    name: str
    parameters: tuple[str, ...] | None
    body: Expression
    declared: Span = _place()
    span: Span = _place()


@dataclass(frozen=True, slots=True)
class Save:
    """``save "file" value``."""

    target: Expression
    value: Expression
    span: Span = _place()


@dataclass(frozen=True, slots=True)
class Print:
    """``print "label" value``."""

    target: Expression
    value: Expression
    span: Span = _place()


@dataclass(frozen=True, slots=True)
class Value:
    """The value of an expression, for whoever runs the program; no text says this."""

    value: Expression
    span: Span = _place()


@dataclass(frozen=True, slots=True)
class Import:
    """``import "name"``."""

    name: str
    span: Span = _place()


Command = Load | Let | Save | Print | Value | Import


def children(expression: Expression) -> tuple[Expression, ...]:
    """The expressions directly inside, in order."""
    match expression:
        case Call(arguments=inside) | Array(items=inside):
            return inside
        case Local(value=value, body=body):
            return (value, body)
        case Index(sequence, position):
            return (sequence, position)
        case Slice(sequence, start, stop):
            return tuple(each for each in (sequence, start, stop) if each is not None)
        case For(_, sequence, body) | Filter(_, sequence, body):
            return (sequence, body)
        case Fold(_, start, sequence):
            return (sequence,) if start is None else (start, sequence)
        case If(condition, yes, no):
            return (condition, yes, no)
        case _:
            return ()
