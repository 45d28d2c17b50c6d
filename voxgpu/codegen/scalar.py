"""The language of kernel bodies: small, pure expressions over one voxel.

A body is an ordinary Python function, called once with symbols; the operators below build an
expression from it. Renderers translate that expression; ``interpreter.py``, with NumPy, defines its
meaning.

Numbers are float32 (``f32``) except in reductions over all voxels, which are computed in float64
(``f64``); see ``docs/numerics.md``. Bodies do not deal with integers: for images with voxels that
float32 cannot represent, ``integers.py`` rewrites a body so that comparisons are exact.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import reduce
from hashlib import sha256
from itertools import product
from typing import Any, Literal

from voxgpu.frozen import frozen

Element = Literal["bool", "f32", "f64", "i32", "u32", "i64", "u64"]
Offset = tuple[int, int, int]

#: Expressions without arguments.
LEAVES = ("read", "parameter", "constant", "position", "extent")
#: Operations on two numbers that return a truth value.
COMPARISONS = ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")
#: Operations that reduce all voxels of the image to one number.
REDUCTIONS = ("total", "count", "smallest", "largest")
#: Operations that take integers unconverted. The hash says so: they used to be rounded first.
_TAKE_WHOLE_NUMBERS = (*COMPARISONS, "where", "total", "smallest", "largest")

#: How operations on two values are written, in C-like languages and in dumps.
SIGNS = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "equal": "==",
    "not_equal": "!=",
    "and": "&",
    "or": "|",
    "xor": "^",
}

HERE: Offset = (0, 0, 0)


@frozen(slots=True, eq=False)
class Scalar:
    """An expression: an operation, its arguments, and the type of its result.

    operation  one of the names above, or a leaf: ``read`` ``parameter`` ``constant`` ``position``
               ``extent``
    arguments  the expressions it is applied to
    detail     of a leaf: (input, offset, boundary value) of a read, number of a parameter, value
               of a constant, axis of a position or extent
    element    type of the result
    """

    operation: str
    arguments: tuple[Scalar, ...]
    detail: tuple[object, ...]
    element: Element

    @property
    def number(self) -> int:
        """The index of the input or parameter of a ``read`` or ``parameter``."""
        number: int = self.detail[0]  # type: ignore[assignment]
        return number

    @property
    def offset(self) -> Offset:
        """Where a ``read`` reads, in voxels (z, y, x) from the voxel that is computed."""
        offset: Offset = self.detail[1]  # type: ignore[assignment]
        return offset

    @property
    def boundary_value(self) -> bool | float | None:
        """What a ``read`` reads outside the image; None if it never reads there."""
        boundary_value: bool | float | None = self.detail[2]  # type: ignore[assignment]
        return boundary_value

    @property
    def value(self) -> bool | float:
        """The value of a ``constant``."""
        value: bool | float = self.detail[0]  # type: ignore[assignment]
        return value

    @property
    def axis(self) -> int:
        """The axis of a ``position`` or ``extent``: 0 is x, 1 is y, 2 is z."""
        axis: int = self.detail[0]  # type: ignore[assignment]
        return axis

    def __bool__(self) -> bool:
        raise TypeError(
            "a kernel body has no `if`, `and`, `or`, `not` and no chained comparisons: use "
            "`&`, `|`, `~` and where(); write `lo <= v <= hi` as `(lo <= v) & (v <= hi)`"
        )

    def __hash__(self) -> int:
        return id(self)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles as a table, whose depth is not that of the expression."""
        from voxgpu.codegen.expression_table import only_expression, table_of

        return only_expression, (table_of([self]),)

    def __eq__(self, other: object) -> Scalar:  # type: ignore[override]
        return _compare("equal", self, other)

    def __ne__(self, other: object) -> Scalar:  # type: ignore[override]
        return _compare("not_equal", self, other)

    def __lt__(self, other: Operand) -> Scalar:
        return _compare("less", self, other)

    def __le__(self, other: Operand) -> Scalar:
        return _compare("less_equal", self, other)

    def __gt__(self, other: Operand) -> Scalar:
        return _compare("greater", self, other)

    def __ge__(self, other: Operand) -> Scalar:
        return _compare("greater_equal", self, other)

    def __add__(self, other: Operand) -> Scalar:
        return _arithmetic("add", self, other)

    def __radd__(self, other: Operand) -> Scalar:
        return _arithmetic("add", other, self)

    def __sub__(self, other: Operand) -> Scalar:
        return _arithmetic("subtract", self, other)

    def __rsub__(self, other: Operand) -> Scalar:
        return _arithmetic("subtract", other, self)

    def __mul__(self, other: Operand) -> Scalar:
        return _arithmetic("multiply", self, other)

    def __rmul__(self, other: Operand) -> Scalar:
        return _arithmetic("multiply", other, self)

    def __truediv__(self, other: Operand) -> Scalar:
        return _arithmetic("divide", self, other)

    def __rtruediv__(self, other: Operand) -> Scalar:
        return _arithmetic("divide", other, self)

    def __neg__(self) -> Scalar:
        return _number("negate", self)

    def __abs__(self) -> Scalar:
        return _number("absolute", self)

    def __and__(self, other: Operand) -> Scalar:
        return _logic("and", self, other)

    def __or__(self, other: Operand) -> Scalar:
        return _logic("or", self, other)

    def __xor__(self, other: Operand) -> Scalar:
        return _logic("xor", self, other)

    def __invert__(self) -> Scalar:
        return _logic("not", self)

    def __getitem__(self, offset: Offset) -> Scalar:
        """The same input read ``offset`` voxels (z, y, x) away; only in neighborhoods."""
        if self.operation != "read":
            raise TypeError("only an input of a neighborhood can be read at an offset")
        source, _, boundary_value = self.detail
        return Scalar("read", (), (source, offset, boundary_value), self.element)


Operand = Scalar | float | bool


def read(source: int, element: Element, boundary_value: bool | float | None = None) -> Scalar:
    """The voxel of input number ``source``, which is ``boundary_value`` beyond the frame."""
    return Scalar("read", (), (source, HERE, boundary_value), element)


def parameter(number: int, element: Element) -> Scalar:
    """The scalar argument ``number`` of the kernel, the same for every voxel."""
    return Scalar("parameter", (), (number,), element)


def constant(value: Operand) -> Scalar:
    """A number or truth value known while the body is traced."""
    if isinstance(value, Scalar):
        return value
    if isinstance(value, bool):
        return Scalar("constant", (), (value,), "bool")
    return Scalar("constant", (), (float(value),), "f32")


def position(axis: int) -> Scalar:
    """The voxel's index along ``axis`` (0 = x, 1 = y, 2 = z); 0 along a missing axis."""
    return Scalar("position", (), (axis,), "f32")


def extent(axis: int) -> Scalar:
    """Voxels along ``axis`` (0 = x, 1 = y, 2 = z); 0 along a missing axis."""
    return Scalar("extent", (), (axis,), "f32")


def where(condition: Operand, then: Operand, otherwise: Operand) -> Scalar:
    """``then`` where ``condition`` is true, else ``otherwise``; both are computed."""
    chosen = constant(condition)
    left, right = _same_width(constant(then), constant(otherwise))
    _expect("where", chosen.element == "bool" and left.element == right.element)
    return Scalar("where", (chosen, left, right), (), left.element)


def single(value: Scalar) -> Scalar:
    """The number rounded to float32, in which large integers lose their last digits."""
    if value.element == "f64":
        return _converted(value, "f32")
    return _number("single", value)


def double(value: Scalar) -> Scalar:
    """The float32 number as a float64."""
    return value if value.element == "f64" else _converted(value, "f64")


def root_of(value: Scalar) -> Scalar:
    """The square root, correctly rounded to the width of the number."""
    return _number("square_root", value)


def floor_of(value: Scalar) -> Scalar:
    """The greatest integer less than or equal to a number."""
    return _number("floor", value)


def ceiling_of(value: Scalar) -> Scalar:
    """The least integer greater than or equal to a number."""
    return _number("ceiling", value)


def nearest_whole(value: Scalar) -> Scalar:
    """The nearest integer; ties go to the even one."""
    return _number("nearest_whole", value)


def exponent_of(value: Scalar) -> Scalar:
    """Of a positive normal float64 between 2^e and 2^(e+1): e, as a float64."""
    _expect("exponent", value.element == "f64")
    return _number("exponent", value)


def scaled(value: Scalar, power: Scalar) -> Scalar:
    """The float64 times 2 to an integral power from -1022 to 1023."""
    _expect("scale", value.element == power.element == "f64")
    return Scalar("scale", (value, power), (), "f64")


def box_offsets(radius: int) -> tuple[Offset, ...]:
    """The offsets (z, y, x) of the box of half-width ``radius`` voxels, its center included."""
    steps = range(-radius, radius + 1)
    return tuple(product(steps, steps, steps))


def any_of(values: Iterable[Scalar]) -> Scalar:
    """True if at least one truth value is."""
    return reduce(lambda left, right: left | right, values)


def all_of(values: Iterable[Scalar]) -> Scalar:
    """True if all truth values are."""
    return reduce(lambda left, right: left & right, values)


def total(value: Scalar) -> Scalar:
    """The float64 sum of ``value`` over all voxels, in the order of ``docs/numerics.md``."""
    return _reduction("total", value, value.element != "bool")


def count(truth: Scalar) -> Scalar:
    """The number of true voxels."""
    return _reduction("count", truth, truth.element == "bool")


def smallest(value: Scalar) -> Scalar:
    """The least value over all voxels, NaN ignored."""
    return _reduction("smallest", value, value.element == "f32")


def largest(value: Scalar) -> Scalar:
    """The greatest value over all voxels, NaN ignored."""
    return _reduction("largest", value, value.element == "f32")


def topological_order(roots: Sequence[Scalar], known: Collection[int] = ()) -> list[Scalar]:
    """Every expression below ``roots`` once, arguments before their users.

    known  ids of expressions to leave out, with what only they use
    """
    order: list[Scalar] = []
    seen: set[int] = set(known)
    stack: list[tuple[Scalar, bool]] = [(root, False) for root in reversed(roots)]
    while stack:
        expression, ready = stack.pop()
        if ready:
            order.append(expression)
        elif id(expression) not in seen:
            seen.add(id(expression))
            stack.append((expression, True))
            stack.extend((argument, False) for argument in reversed(expression.arguments))
    return order


def content_hash(root: Scalar) -> str:
    """The SHA-256 content hash of ``root``; equal exactly for equal expressions."""
    keys: dict[int, str] = {}
    for expression in topological_order([root]):
        operation = expression.operation
        text = repr(
            (
                f"{operation} of whole numbers" if operation in _TAKE_WHOLE_NUMBERS else operation,
                [keys[id(argument)] for argument in expression.arguments],
                expression.detail,
                expression.element,
            )
        )
        keys[id(expression)] = sha256(text.encode()).hexdigest()
    return keys[id(root)]


def _arithmetic(operation: str, left: Operand, right: Operand) -> Scalar:
    first, second = _same_width(constant(left), constant(right))
    _expect(operation, first.element == second.element != "bool")
    return Scalar(operation, (first, second), (), first.element)


def _compare(operation: str, left: object, right: object) -> Scalar:
    first, second = _same_width(constant(left), constant(right))  # type: ignore[arg-type]
    _expect(operation, first.element == second.element)
    return Scalar(operation, (first, second), (), "bool")


def _same_width(left: Scalar, right: Scalar) -> tuple[Scalar, Scalar]:
    """Converts a constant beside a float64 expression to float64."""
    if left.element == "f64" and right.operation == "constant" and right.element == "f32":
        right = Scalar("constant", (), right.detail, "f64")
    if right.element == "f64" and left.operation == "constant" and left.element == "f32":
        left = Scalar("constant", (), left.detail, "f64")
    return left, right


def _number(operation: str, value: Scalar) -> Scalar:
    _expect(operation, value.element != "bool")
    return Scalar(operation, (value,), (), value.element)


def _converted(value: Scalar, element: Element) -> Scalar:
    _expect("convert", value.element != "bool")
    return Scalar("convert", (value,), (), element)


def _logic(operation: str, *values: Operand) -> Scalar:
    operands = tuple(constant(value) for value in values)
    _expect(operation, all(operand.element == "bool" for operand in operands))
    return Scalar(operation, operands, (), "bool")


def _reduction(operation: str, value: Scalar, fits: bool) -> Scalar:
    _expect(operation, fits)
    return Scalar(operation, (value,), (), "f64")


def _expect(operation: str, fits: bool) -> None:
    if not fits:
        raise TypeError(f"`{operation}` in a kernel body got operands of the wrong element type")
