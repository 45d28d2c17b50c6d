"""Abstract syntax tree: frozen nodes, each with its source span.

Function calls and infix and prefix operators are all ``Call`` nodes (of ``near``, ``+``, ``!``).
Spans take no part in comparison: two trees are equal if they represent the same program.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from enum import Enum

from voxgpu.diagnostics import Span
from voxgpu.frozen import frozen


class Dialect(Enum):
    """The dialect that determines operator precedence and division by zero.

    IMGQL and VOXGPU both use voxgpu's own rules. IMGQL warns where another dialect would read the
    program differently; VOXGPU states the choice explicitly and suppresses the warning.
    """

    IMGQL = "imgql"
    VOXGPU = "voxgpu"
    IMGQL1 = "imgql1"
    IMGQL2 = "imgql2"


def _span_field() -> Span:
    return field(compare=False, repr=False)  # type: ignore[no-any-return]


@frozen(slots=True)
class NumberLiteral:
    """A number literal: ``0.93``, ``inf``, ``nan``."""

    value: float
    span: Span = _span_field()


@frozen(slots=True)
class BooleanLiteral:
    """A Boolean literal: ``true`` or ``false``."""

    value: bool
    span: Span = _span_field()


@frozen(slots=True)
class Variable:
    """A program variable, ``$name``, in code or inside a string."""

    name: str
    span: Span = _span_field()


@frozen(slots=True)
class TextLiteral:
    """A string literal: its text fragments and the variables interpolated between them."""

    parts: tuple[str | Variable, ...]
    span: Span = _span_field()


@frozen(slots=True)
class Name:
    """A reference to a named value."""

    name: str
    span: Span = _span_field()


@frozen(slots=True)
class Call:
    """A function or operator applied to arguments; ``callee`` is the span of its name.

    chain  the operator chain as written, if dialects group it differently
    """

    name: str
    arguments: tuple[Expression, ...]
    callee: Span = _span_field()
    span: Span = _span_field()
    chain: Chain | None = field(default=None, compare=False, repr=False)


@frozen(slots=True)
class Array:
    """An array literal: ``[a, b]``."""

    items: tuple[Expression, ...]
    span: Span = _span_field()


@frozen(slots=True)
class Index:
    """An indexed item: ``sequence[position]``."""

    sequence: Expression
    position: Expression
    span: Span = _span_field()


@frozen(slots=True)
class Slice:
    """A slice: ``sequence[start:stop]``; either bound may be omitted."""

    sequence: Expression
    start: Expression | None
    stop: Expression | None
    span: Span = _span_field()


@frozen(slots=True)
class For:
    """A comprehension: ``for name in sequence do body``."""

    name: str
    sequence: Expression
    body: Expression
    declared: Span = _span_field()
    span: Span = _span_field()


@frozen(slots=True)
class Filter:
    """A filter, ``filter name in sequence do body``: the items for which the body is true."""

    name: str
    sequence: Expression
    body: Expression
    declared: Span = _span_field()
    span: Span = _span_field()


@frozen(slots=True)
class Fold:
    """A left fold: ``fold function sequence`` or ``fold function start sequence``."""

    function: str
    start: Expression | None
    sequence: Expression
    callee: Span = _span_field()
    span: Span = _span_field()


@frozen(slots=True)
class If:
    """A conditional: ``if condition then yes else no``."""

    condition: Expression
    yes: Expression
    no: Expression
    span: Span = _span_field()


@frozen(slots=True)
class Local:
    """A local binding: ``let name = value in body``."""

    name: str
    value: Expression
    body: Expression
    declared: Span = _span_field()
    span: Span = _span_field()


@frozen(slots=True)
class Mistake:
    """A placeholder for an invalid expression whose error has already been reported."""

    span: Span = _span_field()


@frozen(slots=True)
class Operator:
    """An operator in a chain; ``extra`` holds the arguments in brackets of ``a ~[rad, bins] b``."""

    name: str
    is_prefix: bool
    span: Span
    extra: tuple[Expression, ...] = ()


@frozen(slots=True, eq=False)
class Chain:
    """An operator chain in the postfix order of the current dialect and of the others that differ.

    others         pairs of a VoxLogicA version and its postfix order
    expression_of  builds the expression of a postfix order
    """

    order: tuple[Expression | Operator, ...]
    others: tuple[tuple[int, tuple[Expression | Operator, ...]], ...]
    expression_of: Callable[[Sequence[Expression | Operator]], Expression]

    @property
    def operands(self) -> tuple[Expression, ...]:
        """All operands, including those in the brackets of operators."""
        result: list[Expression] = []
        for piece in self.order:
            if isinstance(piece, Operator):
                result += piece.extra
            else:
                result.append(piece)
        return tuple(result)


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


@frozen(slots=True)
class Load:
    """A load command: ``load name = path``."""

    name: str
    path: Expression
    declared: Span = _span_field()
    span: Span = _span_field()


@frozen(slots=True)
class Let:
    """A binding: ``let name = body`` or, with parameters, ``let name(a, b) = body``."""

    name: str
    parameters: tuple[str, ...] | None
    body: Expression
    declared: Span = _span_field()
    span: Span = _span_field()


@frozen(slots=True)
class Save:
    """A save command: ``save "file" value``."""

    target: Expression
    value: Expression
    span: Span = _span_field()


@frozen(slots=True)
class Print:
    """A print command: ``print "label" value``."""

    target: Expression
    value: Expression
    span: Span = _span_field()


@frozen(slots=True)
class Value:
    """An expression whose value is wanted; it has no command syntax.

    label  tells it from others in a result; empty for one entered at the prompt
    stays  whether it stays on the device that computes it
    """

    value: Expression
    span: Span = _span_field()
    label: str = ""
    stays: bool = False


@frozen(slots=True)
class Import:
    """An import command: ``import "name"``."""

    name: str
    span: Span = _span_field()


Command = Load | Let | Save | Print | Value | Import


def children(expression: Expression) -> tuple[Expression, ...]:
    """Returns the direct subexpressions, in source order."""
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


def expressions_of(command: Command) -> tuple[Expression, ...]:
    """Returns the whole expressions of a command, in source order; none for other statements."""
    match command:
        case Let(body=body):
            return (body,)
        case Load(path=path):
            return (path,)
        case Save(target, value) | Print(target, value):
            return (target, value)
        case Value(value):
            return (value,)
        case _:
            return ()
