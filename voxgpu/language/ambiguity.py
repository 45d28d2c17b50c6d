"""Detection of operator chains whose value differs between dialects (warning W101).

Each reading of a chain is evaluated with symbolic operands: numbers are elements of a large prime
field, truth values are vectors of random bits, and the result of any other operator is a hash of
the operator and its operands. The comparison is therefore exact arithmetic: ``a + (b + c)`` and
``(a + b) + c`` have the same value, although float rounding may differ in the last bit, while
``a - (b - c)`` and ``(a - b) - c`` differ. A reading whose types do not fit, such as ``v > 0.8``
times a number, has no value and is not reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha512
from math import isfinite
from random import Random
from typing import NamedTuple

from voxgpu.diagnostics import Diagnostic
from voxgpu.frozen import frozen
from voxgpu.language.ast import Chain, Expression, Operator
from voxgpu.language.ir import Constant, Step
from voxgpu.language.unparse import unparse
from voxgpu.types import BOOLEAN, NUMBER, Boolean, Content, ImageOf, Number, Type, Unknown

#: Modulus of the field for numbers, and the number of bits of a truth value.
_BITS = 521
_PRIME: int = 2**_BITS - 1

#: Returns the result type of an operator for these operand types, or None if it rejects them.
ResultOf = Callable[[str, Sequence[Type]], Type | None]


class _Term(NamedTuple):
    type: Type
    value: int


@frozen
class AmbiguousReading(Diagnostic):
    """W101 with the readings as data.

    ours      the reading taken, fully parenthesized
    readings  pairs of a VoxLogicA version and its reading, where that may have another value
    """

    ours: str = ""
    readings: tuple[tuple[int, str], ...] = ()


def ambiguity(
    chain: Chain, steps: Mapping[int, Step], numbers: Mapping[int, int], result_of: ResultOf
) -> AmbiguousReading | None:
    """Returns W101 if another dialect reads the chain with a possibly different value, else None.

    steps    the IR steps of the operands, by the ``id`` of their expressions
    numbers  the indices of these steps: operands with the same index have the same value
    """
    leaves = {id: _leaf(step, numbers[id]) for id, step in steps.items()}
    if any(isinstance(each.type, Unknown) for each in leaves.values()):
        return None  # an operand is erroneous, or the enclosing function is never called
    ours = _evaluate(chain.order, leaves, result_of, any_kinds=True)
    if ours is None:
        return None
    readings = []
    for version, reading in chain.others:
        # VoxLogicA 1 marks scalar sides with dots; operators without dots cannot mix operand kinds.
        other = _evaluate(reading, leaves, result_of, any_kinds=version != 1)
        if other is not None and other.value != ours.value:
            readings.append((version, _shown(chain.expression_of(reading))))
    if not readings:
        return None
    expression = chain.expression_of(chain.order)
    shown = _shown(expression)
    others = " and ".join(f"VoxLogicA {version} reads `{text}`" for version, text in readings)
    return AmbiguousReading(
        "W101",
        f"this is read as `{shown}`; {others}",
        expression.span,
        help="write the parentheses to make certain, or choose a reading with --dialect",
        ours=shown,
        readings=tuple(readings),
    )


def _evaluate(
    order: Sequence[Expression | Operator],
    leaves: Mapping[int, _Term],
    result_of: ResultOf,
    any_kinds: bool,
) -> _Term | None:
    """Evaluates a reading given in postfix order. Returns None if its types do not fit."""
    terms: list[_Term] = []
    for piece in order:
        if not isinstance(piece, Operator):
            terms.append(leaves[id(piece)])
            continue
        count = 1 if piece.is_prefix else 2
        operands = terms[-count:]
        del terms[-count:]
        types = [each.type for each in operands]
        if (
            not any_kinds
            and not piece.name[0].isalnum()
            and "." not in piece.name
            and _mixed(types)
        ):
            return None
        extra = [leaves[id(each)] for each in piece.extra]
        kind = result_of(piece.name, [*types, *(each.type for each in extra)])
        if kind is None:
            return None
        terms.append(_Term(kind, _compute(piece.name, operands, extra, kind)))
    return terms[0]


def _mixed(types: Sequence[Type]) -> bool:
    """Returns whether an image is combined with a number or truth value."""
    images = [isinstance(each, ImageOf) for each in types]
    return any(images) and any(isinstance(each, Number | Boolean) for each in types)


def _compute(name: str, operands: Sequence[_Term], extra: Sequence[_Term], kind: Type) -> int:
    values = [each.value for each in operands]
    sign = name.strip(".")
    if _holds_numbers(kind) and all(_holds_numbers(each.type) for each in operands):
        match sign, values:
            case "+", [a, b]:
                return (a + b) % _PRIME
            case "-", [a, b]:
                return (a - b) % _PRIME
            case "-", [a]:
                return -a % _PRIME
            case "*", [a, b]:
                return a * b % _PRIME
            case "/", [a, b] if b:
                return a * pow(b, -1, _PRIME) % _PRIME
    elif _holds_truth(kind) and all(_holds_truth(each.type) for each in operands):
        match sign, values:
            case "&" | "&&", [a, b]:
                return a & b
            case "|" | "||", [a, b]:
                return a | b
            case "\\", [a, b]:
                return a & ~b
            case "!", [a]:
                return a ^ _PRIME
    key = f"{name} {values} {[each.value for each in extra]}"
    return _some_bits(key) if _holds_truth(kind) else _some_number(key)


def _leaf(step: Step, number: int) -> _Term:
    """The symbolic value of an operand: exact for a constant, otherwise derived from its index."""
    kind = step.type
    if isinstance(step, Constant):
        if kind == NUMBER and isfinite(float(step.value)):
            numerator, denominator = float(step.value).as_integer_ratio()
            return _Term(kind, numerator * pow(denominator, -1, _PRIME) % _PRIME)
        if kind == BOOLEAN:
            return _Term(kind, _PRIME if step.value else 0)
    key = f"operand {number}"
    return _Term(kind, _some_bits(key) if _holds_truth(kind) else _some_number(key))


def _holds_numbers(kind: Type) -> bool:
    content = kind.content if isinstance(kind, ImageOf) else None
    return isinstance(kind, Number | Unknown) or content is Content.NUMBER


def _holds_truth(kind: Type) -> bool:
    content = kind.content if isinstance(kind, ImageOf) else None
    return isinstance(kind, Boolean) or content is Content.BOOLEAN


def _some_number(key: str) -> int:
    return int.from_bytes(sha512(key.encode()).digest()) % _PRIME


def _some_bits(key: str) -> int:
    """Pseudo-random bits of varying density, to cover mostly true and mostly false operands."""
    random = Random(key)
    words = [random.getrandbits(_BITS) for _ in range(5)]
    often = words[0] | words[1] | words[2] | words[3] | words[4]
    seldom = words[0] & words[1] & words[2] & words[3] & words[4]
    return often & _MOSTLY_TRUE | seldom & _MOSTLY_FALSE | words[0] & _EVEN


_MOSTLY_TRUE: int = sum(1 << bit for bit in range(0, _BITS, 3))
_MOSTLY_FALSE: int = _MOSTLY_TRUE << 1 & _PRIME
_EVEN: int = _MOSTLY_TRUE << 2 & _PRIME


def _shown(expression: Expression) -> str:
    text = unparse(expression)
    text = text[1:-1] if text.startswith("(") else text
    return text if len(text) <= 160 else text[:157] + "…"
