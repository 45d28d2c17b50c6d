"""A direct evaluation of programs: recursive, on arrays.

No plan, no ids, nothing deferred, nothing shared: only NumPy and SciPy on syntax trees. Images of
numbers are float32, all on one grid; scalars are Python's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from voxgpu.language.ast import (
    Array,
    BooleanLiteral,
    Call,
    Command,
    Expression,
    Filter,
    Fold,
    For,
    If,
    Index,
    Let,
    Load,
    Local,
    Name,
    NumberLiteral,
    Print,
    Save,
    Slice,
    TextLiteral,
)


class NoValue(Exception):
    """An undefined value: an index out of range, or the greatest item of an empty sequence.

    If nothing uses it, it has no effect: it is an item, an argument or a name like any other.
    """

    #: The number of undefined values, used or not.
    times = 0

    def __init__(self, why: str) -> None:
        super().__init__(why)
        NoValue.times += 1


@dataclass(frozen=True)
class Closure:
    """A function and its enclosing bindings."""

    parameters: tuple[str, ...]
    body: Expression
    bound: dict[str, Any]


def evaluate(commands: list[Command], images: dict[str, np.ndarray]) -> dict[str, Any]:
    """The value of every ``print`` and ``save``, by label; NoValue if it is undefined."""
    bound: dict[str, Any] = {}
    given: dict[str, Any] = {}
    for command in commands:
        match command:
            case Load(name, TextLiteral((path,))):
                bound = {**bound, name: images[str(path)]}
            case Let(name, None, body):
                bound = {**bound, name: _tried(body, bound)}
            case Let(name, parameters, body):
                bound = {**bound, name: Closure(parameters or (), body, bound)}
            case Print(TextLiteral((label,)), body) | Save(TextLiteral((label,)), body):
                given[str(label)] = _tried(body, bound)
    return given


def _tried(body: Expression, bound: dict[str, Any]) -> Any:
    try:
        return value(body, bound)
    except NoValue as none:
        return none


def used(found: Any) -> Any:
    """Requires a value, completely."""
    if isinstance(found, NoValue):
        raise found
    if isinstance(found, tuple):
        for each in found:
            used(each)
    return found


def _there(found: Any) -> Any:
    """Requires a value, but not its items."""
    if isinstance(found, NoValue):
        raise found
    return found


def value(expression: Expression, bound: dict[str, Any]) -> Any:
    """The value of an expression with these bindings."""
    match expression:
        case NumberLiteral(number):
            return float(number)
        case BooleanLiteral(truth):
            return truth
        case TextLiteral(parts):
            return "".join(map(str, parts))
        case Name(name):
            return _named(name, bound)
        case Array(items):
            return tuple(_tried(each, bound) for each in items)
        case Local(name, inner, body):
            return value(body, {**bound, name: _tried(inner, bound)})
        case If(condition, yes, no):
            return value(yes if value(condition, bound) else no, bound)
        case For(name, sequence, body):
            return tuple(_tried(body, {**bound, name: x}) for x in value(sequence, bound))
        case Filter(name, sequence, body):
            every = value(sequence, bound)
            return tuple(x for x in every if value(body, {**bound, name: x}))
        case Fold(function, start, sequence):
            first = [] if start is None else [_tried(start, bound)]
            return _folded(_named(function, bound), [*first, *value(sequence, bound)])
        case Index(sequence, position):
            return _item(value(sequence, bound), value(position, bound))
        case Slice(sequence, start, stop):
            low = None if start is None else int(value(start, bound))
            high = None if stop is None else int(value(stop, bound))
            return value(sequence, bound)[low:high]
        case Call(name, arguments):
            return applied(_named(name, bound), [_tried(each, bound) for each in arguments])
    raise AssertionError(expression)


def applied(function: Any, arguments: list[Any]) -> Any:
    """Applies a function of the program or of the language."""
    if isinstance(function, Closure):
        inside = dict(zip(function.parameters, arguments, strict=True))
        return value(function.body, {**function.bound, **inside})
    if function in (BUILT_IN["length"], BUILT_IN["concat"], BUILT_IN["map"]):
        return function(*(_there(each) for each in arguments))
    return function(*(used(each) for each in arguments))


def _named(name: str, bound: dict[str, Any]) -> Any:
    if name not in bound:
        return BUILT_IN[name]
    found = bound[name]
    if isinstance(found, NoValue):
        raise found
    return found


def _folded(function: Any, items: list[Any]) -> Any:
    if not items:
        raise NoValue("fold")
    result = items[0]
    for item in items[1:]:
        try:
            result = applied(function, [result, item])
        except NoValue as none:
            result = none
    return _there(result)


def _item(sequence: tuple[Any, ...], position: float) -> Any:
    if not -len(sequence) <= position < len(sequence):
        raise NoValue("index")
    return _there(sequence[int(position)])


def _voxels(v: Any) -> Any:
    return np.float32(v) if isinstance(v, float) else v


def _arithmetic(operation: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def apply(a: Any, b: Any) -> Any:
        with np.errstate(all="ignore"):
            if isinstance(a, float) and isinstance(b, float):
                return float(operation(np.float64(a), np.float64(b)))
            return operation(_voxels(a), _voxels(b))

    return apply


def _comparison(operation: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def apply(a: Any, b: Any) -> Any:
        if isinstance(a, float) and isinstance(b, float):
            return bool(operation(a, b))
        return operation(_voxels(a), _voxels(b))

    return apply


def _logic(operation: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def apply(a: Any, b: Any) -> Any:
        result = operation(a, b)
        return bool(result) if isinstance(a, bool) and isinstance(b, bool) else result

    return apply


def _minus(a: Any, *b: Any) -> Any:
    return _arithmetic(np.subtract)(a, b[0]) if b else -a


def _box(b: np.ndarray) -> np.ndarray:
    return np.ones((3,) * b.ndim, dtype=bool)


def _through(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    labels, _ = ndimage.label(b, _box(b))
    return b & np.isin(labels, np.unique(labels[a & b]))


def _extreme(over: Callable[[Any], Any], of: Callable[..., Any]) -> Callable[..., Any]:
    def apply(*given: Any) -> Any:
        if len(given) == 2:
            return float(of(*given))
        (v,) = given
        if isinstance(v, tuple):
            if not v:
                raise NoValue("extreme")
            return float(of(*v)) if len(v) > 1 else v[0]
        return float(over(v))

    return apply


def _argmax(xs: tuple[float, ...]) -> float:
    if not xs:
        raise NoValue("argmax")
    return float(np.argmax(xs))


def _average(v: np.ndarray, b: np.ndarray) -> float:
    if not b.any():
        raise NoValue("avg")
    return float(v[b].astype(np.float64).sum() / b.sum())


def _mapped(function: Any, item: Any) -> Any:
    try:
        return applied(function, [item])
    except NoValue as none:
        return none


def _concat(*given: Any) -> Any:
    return sum(given, ()) if isinstance(given[0], tuple) else "".join(given)


#: The functions of the language that random programs use.
BUILT_IN: dict[str, Any] = {
    "+": _arithmetic(np.add),
    "-": _minus,
    "*": _arithmetic(np.multiply),
    "/": _arithmetic(np.divide),
    "<": _comparison(np.less),
    "<=": _comparison(np.less_equal),
    ">": _comparison(np.greater),
    ">=": _comparison(np.greater_equal),
    "==": _comparison(np.equal),
    "&": _logic(lambda a, b: a & b),
    "|": _logic(lambda a, b: a | b),
    "!": lambda a: not a if isinstance(a, bool) else ~a,
    "near": lambda b: ndimage.binary_dilation(b, _box(b)),
    "interior": lambda b: ndimage.binary_erosion(b, _box(b), border_value=1),
    "through": _through,
    "volume": lambda b: float(np.count_nonzero(b)),
    "mask": lambda v, b: np.where(b, v, np.float32(0)),
    "avg": _average,
    "min": _extreme(np.min, min),
    "max": _extreme(np.max, max),
    "argmax": _argmax,
    "range": lambda *n: tuple(float(i) for i in range(*(int(each) for each in n))),
    "length": lambda xs: float(len(xs)),
    "map": lambda f, xs: tuple(_mapped(f, x) for x in xs),
    "concat": _concat,
}
