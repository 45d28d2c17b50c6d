"""Conversion of syntax trees back to text, fully parenthesized so that all dialects agree."""

from __future__ import annotations

import re
from collections.abc import Iterable

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
    Import,
    Index,
    Let,
    Load,
    Local,
    Mistake,
    Name,
    NumberLiteral,
    Print,
    Save,
    Slice,
    TextLiteral,
    Value,
    Variable,
)

_IDENTIFIER = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)?$")
_ESCAPES = {'"': r"\"", "\\": r"\\", "\n": r"\n", "\t": r"\t"}


def unparse(expression: Expression) -> str:
    """Returns the text of an expression; parsing it yields an equal expression."""
    pieces: list[str] = []
    stack: list[Expression | str] = [expression]
    while stack:
        top = stack.pop()
        if isinstance(top, str):
            pieces.append(top)
        else:
            stack.extend(reversed(list(_parts(top))))
    return "".join(pieces)


def unparse_command(command: Command) -> str:
    """Returns the text of one command."""
    match command:
        case Load(name, path):
            return f"load {name} = {unparse(path)}"
        case Let(name, None, body):
            return f"let {name} = {unparse(body)}"
        case Let(name, parameters, body):
            return f"let {name}({', '.join(parameters or ())}) = {unparse(body)}"
        case Save(target, value):
            return f"save {_target(target)} {unparse(value)}"
        case Print(target, value):
            return f"print {_target(target)} {unparse(value)}"
        case Import(name):
            return f"import {_quoted([name])}"
        case Value(value):
            return unparse(value)


def is_identifier(name: str) -> bool:
    """Returns whether a name is an identifier rather than an operator sign."""
    return bool(_IDENTIFIER.match(name))


def _parts(expression: Expression) -> Iterable[Expression | str]:
    match expression:
        case NumberLiteral(value):
            return [_number(value)]
        case BooleanLiteral(value):
            return ["true" if value else "false"]
        case TextLiteral(parts):
            return [_quoted(parts)]
        case Variable(name):
            return [f"${name}"]
        case Mistake():
            return ["…"]
        case Name(name):
            return [name]
        case Array(items):
            return ["[", *_separated(items), "]"]
        case Local(name, value, body):
            return [f"(let {name} = ", value, " in ", body, ")"]
        case If(condition, yes, no):
            return ["(if ", condition, " then ", yes, " else ", no, ")"]
        case For(name, sequence, body):
            return [f"(for {name} in ", sequence, " do ", body, ")"]
        case Filter(name, sequence, body):
            return [f"(filter {name} in ", sequence, " do ", body, ")"]
        case Fold(function, None, sequence):
            return [f"(fold {function} ", *_operand(sequence), ")"]
        case Fold(function, start, sequence):
            assert start is not None
            return [f"(fold {function} ", *_operand(start), " ", *_operand(sequence), ")"]
        case Index(sequence, position):
            return [*_operand(sequence), "[", position, "]"]
        case Slice(sequence, start, stop):
            return [*_operand(sequence), "[", start or "", ":", stop or "", "]"]
        case Call(name, (inside,)) if name.isupper():
            return [f"({name}(", inside, "))"]
        case Call(name, arguments) if is_identifier(name):
            return [f"{name}(", *_separated(arguments), ")"]
        case Call(name, (inside,)):
            return [f"({name} ", inside, ")"]
        case Call(name, (left, right)):
            return ["(", left, f" {name} ", right, ")"]
        case Call(name, (left, right, *extra)):
            # An array directly after `]` would be parsed as an index.
            last = ["(", right, ")"] if isinstance(right, Array) else [right]
            return ["(", left, f" {name}[", *_separated(tuple(extra)), "] ", *last, ")"]
    raise AssertionError(expression)


def _operand(expression: Expression) -> Iterable[Expression | str]:
    """Returns the expression, parenthesized unless it can stand as an operand."""
    match expression:
        case Name(name) if is_identifier(name):
            return [expression]
        case Call(name) if is_identifier(name) and not name.isupper():
            return [expression]
        case Index() | Slice():
            return [expression]
    return ["(", expression, ")"]


def _separated(items: tuple[Expression, ...]) -> Iterable[Expression | str]:
    for index, item in enumerate(items):
        if index:
            yield ", "
        yield item


def _number(value: float) -> str:
    return repr(int(value)) if value.is_integer() and value < 2**53 else repr(value)


def _target(target: Expression) -> str:
    return unparse(target) if isinstance(target, TextLiteral) else f"({unparse(target)})"


def _quoted(parts: Iterable[str | Variable]) -> str:
    texts = [
        f"${{{part.name}}}"
        if isinstance(part, Variable)
        else "".join(_ESCAPES.get(char, char) for char in part)
        for part in parts
    ]
    return f'"{"".join(texts)}"'
