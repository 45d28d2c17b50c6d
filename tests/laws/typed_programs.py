"""Random well-typed programs: every expression has the type required at its place."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

from tests.strategies import NOWHERE
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

#: The types of expressions; of a sequence ``[T]``, of a function ``T>U``.
NUMBER, TRUTH, TEXT, VOXELS, REGION = "number", "truth", "text", "voxels", "region"
SCALARS = (NUMBER, TRUTH, TEXT)
IMAGES = (VOXELS, REGION)


def sequence(kind: str) -> str:
    return f"[{kind}]"


@dataclass(frozen=True)
class Scope:
    """The names that may be used, with their types, and the remaining depth of expressions."""

    names: dict[str, str] = field(default_factory=dict)
    depth: int = 3

    def bind(self, name: str, kind: str) -> Scope:
        return replace(self, names={**self.names, name: kind})

    def of(self, kind: str) -> list[str]:
        return [name for name, each in self.names.items() if each == kind]

    @property
    def deeper(self) -> Scope:
        return replace(self, depth=self.depth - 1)


def call(name: str, *arguments: Expression) -> Call:
    return Call(name, arguments, NOWHERE, NOWHERE)


def number(value: float) -> Expression:
    literal = NumberLiteral(abs(value), NOWHERE)
    return call("-", literal) if value < 0 else literal


@st.composite
def expressions(draw: st.DrawFn, kind: str, scope: Scope) -> Expression:
    """An expression of a type."""
    known = scope.of(kind)
    if known and draw(st.integers(0, 2)) == 0:
        return Name(draw(st.sampled_from(known)), NOWHERE)
    if scope.depth <= 0:
        return draw(_leaf(kind, scope))
    general = draw(st.integers(0, 7))
    inner = scope.deeper
    if general == 0:
        return draw(_choice(kind, inner))
    if general == 1:
        return draw(_local(kind, inner))
    if general == 2:
        items = draw(expressions(sequence(kind), inner))
        position = draw(st.sampled_from([0, -1]) | st.integers(-4, 4))
        return Index(items, number(float(position)), NOWHERE)
    if general == 3:
        return draw(_called(kind, inner))
    return draw(_own(kind, inner))


@st.composite
def _leaf(draw: st.DrawFn, kind: str, scope: Scope) -> Expression:
    known = scope.of(kind)
    if known:
        return Name(draw(st.sampled_from(known)), NOWHERE)
    if kind == NUMBER:
        return number(float(draw(st.sampled_from([0, 1, 2, 3, -1, 0.5, 7]))))
    if kind == TRUTH:
        return BooleanLiteral(draw(st.booleans()), NOWHERE)
    if kind == TEXT:
        return TextLiteral((draw(st.sampled_from(["a", "bc", "d e"])),), NOWHERE)
    if kind == VOXELS:
        return Name("v", NOWHERE)
    if kind == REGION:
        return call(">", Name("v", NOWHERE), number(float(draw(st.integers(-1, 6)))))
    item = draw(_leaf(kind[1:-1], scope))
    return Array((item,) * draw(st.integers(1, 3)), NOWHERE)


@st.composite
def _choice(draw: st.DrawFn, kind: str, scope: Scope) -> Expression:
    condition = draw(expressions(TRUTH, scope))
    return If(condition, draw(expressions(kind, scope)), draw(expressions(kind, scope)), NOWHERE)


@st.composite
def _local(draw: st.DrawFn, kind: str, scope: Scope) -> Expression:
    inner = draw(st.sampled_from([NUMBER, REGION, sequence(NUMBER)]))
    name = draw(st.sampled_from(["p", "q", "a"]))
    bound = draw(expressions(inner, scope))
    return Local(name, bound, draw(expressions(kind, scope.bind(name, inner))), NOWHERE, NOWHERE)


@st.composite
def _called(draw: st.DrawFn, kind: str, scope: Scope) -> Expression:
    """A call of a function of the program with this result type, or another expression."""
    functions = [(name, each) for name, each in scope.names.items() if each.endswith(f">{kind}")]
    if not functions:
        return draw(_own(kind, scope))
    name, signature = draw(st.sampled_from(functions))
    arguments = [draw(expressions(each, scope)) for each in signature.split(">")[:-1]]
    return call(name, *arguments)


@st.composite
def _own(draw: st.DrawFn, kind: str, scope: Scope) -> Expression:
    """Expressions specific to this type."""
    if kind == NUMBER:
        return draw(_number(scope))
    if kind == TRUTH:
        return draw(_truth(scope))
    if kind == TEXT:
        parts = [draw(expressions(TEXT, scope)) for _ in range(2)]
        return call("concat", *parts)
    if kind == VOXELS:
        return draw(_voxels(scope))
    if kind == REGION:
        return draw(_region(scope))
    return draw(_sequence(kind[1:-1], scope))


@st.composite
def _number(draw: st.DrawFn, scope: Scope) -> Expression:
    def of(kind: str) -> Expression:
        return draw(expressions(kind, scope))

    match draw(st.integers(0, 8)):
        case 0 | 1:
            return call(draw(st.sampled_from(["+", "-", "*", "/"])), of(NUMBER), of(NUMBER))
        case 2:
            return call("volume", of(REGION))
        case 3:
            return call(draw(st.sampled_from(["min", "max"])), of(VOXELS))
        case 4:
            return call(draw(st.sampled_from(["argmax", "min", "max"])), of(sequence(NUMBER)))
        case 5:
            kind = draw(st.sampled_from([NUMBER, REGION]))
            return call("length", of(sequence(kind)))
        case 6:
            operator = draw(st.sampled_from(["+", "-", "*", "min", "max"]))
            start = of(NUMBER) if draw(st.booleans()) else None
            return Fold(operator, start, of(sequence(NUMBER)), NOWHERE, NOWHERE)
        case 7:
            return call("avg", of(VOXELS), of(REGION))
    return draw(_leaf(NUMBER, Scope()))


@st.composite
def _truth(draw: st.DrawFn, scope: Scope) -> Expression:
    match draw(st.integers(0, 3)):
        case 0:
            return call("!", draw(expressions(TRUTH, scope)))
        case 1:
            pair = [draw(expressions(TRUTH, scope)) for _ in range(2)]
            return call(draw(st.sampled_from(["&", "|"])), *pair)
    pair = [draw(expressions(NUMBER, scope)) for _ in range(2)]
    return call(draw(st.sampled_from(["<", "<=", ">", ">=", "=="])), *pair)


@st.composite
def _voxels(draw: st.DrawFn, scope: Scope) -> Expression:
    match draw(st.integers(0, 3)):
        case 0:
            return call("mask", draw(expressions(VOXELS, scope)), draw(expressions(REGION, scope)))
        case 1:
            return Fold("+", None, draw(expressions(sequence(VOXELS), scope)), NOWHERE, NOWHERE)
    left = draw(expressions(VOXELS, scope))
    right = draw(expressions(draw(st.sampled_from([VOXELS, NUMBER])), scope))
    return call(draw(st.sampled_from(["+", "-", "*"])), left, right)


@st.composite
def _region(draw: st.DrawFn, scope: Scope) -> Expression:
    def of(kind: str) -> Expression:
        return draw(expressions(kind, scope))

    match draw(st.integers(0, 5)):
        case 0:
            return call(draw(st.sampled_from(["!", "near", "interior"])), of(REGION))
        case 1:
            return call(draw(st.sampled_from(["&", "|", "through"])), of(REGION), of(REGION))
        case 2:
            operator = draw(st.sampled_from(["&", "|"]))
            return Fold(operator, None, of(sequence(REGION)), NOWHERE, NOWHERE)
    comparison = draw(st.sampled_from(["<", "<=", ">", ">="]))
    return call(comparison, of(VOXELS), of(NUMBER))


@st.composite
def _sequence(draw: st.DrawFn, item: str, scope: Scope) -> Expression:
    kind = sequence(item)

    def of(kind: str) -> Expression:
        return draw(expressions(kind, scope))

    choice = draw(st.integers(0, 6))
    if choice == 0 and item == NUMBER:
        # Lengths and volumes: integers, some of them known only while running.
        is_length = draw(st.booleans())
        whole = call("length", of(kind)) if is_length else call("volume", of(REGION))
        return Slice(call("range", whole), None, number(4.0), NOWHERE)
    if choice == 1:
        name = draw(st.sampled_from(["i", "j", "a"]))
        inner = draw(st.sampled_from([NUMBER, TRUTH]))
        body = draw(expressions(item, scope.bind(name, inner)))
        return For(name, of(sequence(inner)), body, NOWHERE, NOWHERE)
    if choice == 2:
        name = draw(st.sampled_from(["i", "j"]))
        body = draw(expressions(TRUTH, scope.bind(name, item)))
        return Filter(name, of(kind), body, NOWHERE, NOWHERE)
    if choice == 3:
        bounds = [
            number(float(draw(st.integers(-3, 3)))) if draw(st.booleans()) else None
            for _ in range(2)
        ]
        return Slice(of(kind), *bounds, NOWHERE)
    if choice == 4:
        return call("concat", of(kind), of(kind))
    mapped = {
        NUMBER: [("volume", REGION), ("-", NUMBER)],
        TRUTH: [("!", TRUTH)],
        REGION: [("near", REGION), ("!", REGION)],
    }
    if choice == 5 and item in mapped:
        function, inner = draw(st.sampled_from(mapped[item]))
        return call("map", Name(function, NOWHERE), of(sequence(inner)))
    return Array(tuple(of(item) for _ in range(draw(st.integers(1, 3)))), NOWHERE)


@st.composite
def programs(draw: st.DrawFn) -> list[Command]:
    """A program that loads ``v``, binds a few names and functions, and has a few goals."""
    commands: list[Command] = [Load("v", TextLiteral(("v.nii.gz",), NOWHERE), NOWHERE, NOWHERE)]
    scope = Scope({"v": VOXELS})
    for number_of in range(draw(st.integers(1, 4))):
        name = draw(st.sampled_from(["a", "b", "c", "d"])) + str(number_of % 2)
        result = draw(st.sampled_from([*SCALARS[:2], *IMAGES, sequence(NUMBER), sequence(REGION)]))
        if draw(st.booleans()):
            commands.append(Let(name, None, draw(expressions(result, scope)), NOWHERE, NOWHERE))
            scope = scope.bind(name, result)
        else:
            kinds = draw(st.lists(st.sampled_from([NUMBER, REGION]), min_size=1, max_size=2))
            parameters = tuple(f"p{number}" for number in range(len(kinds)))
            inside = scope
            for parameter, kind in zip(parameters, kinds, strict=True):
                inside = inside.bind(parameter, kind)
            body = draw(expressions(result, inside))
            commands.append(Let(name, parameters, body, NOWHERE, NOWHERE))
            scope = scope.bind(name, ">".join([*kinds, result]))
    for label in range(draw(st.integers(1, 3))):
        commands.append(draw(_goal(str(label), scope)))
    return commands


@st.composite
def _goal(draw: st.DrawFn, label: str, scope: Scope) -> Command:
    if draw(st.integers(0, 2)) == 0:
        kind = draw(st.sampled_from([*IMAGES, sequence(REGION), sequence(VOXELS)]))
        target = TextLiteral((f"{label}.nii.gz",), NOWHERE)
        return Save(target, draw(expressions(kind, scope)), NOWHERE)
    kind = draw(st.sampled_from([*SCALARS, sequence(NUMBER), sequence(sequence(NUMBER))]))
    return Print(TextLiteral((label,), NOWHERE), draw(expressions(kind, scope)), NOWHERE)
