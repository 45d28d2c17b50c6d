"""Operations on sequences and strings that only lowering creates."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from voxgpu.ids import meaning_of
from voxgpu.image import Grid
from voxgpu.primitives.primitive import (
    AccessPattern,
    Parameter,
    Primitive,
    UndefinedValueError,
    Value,
)
from voxgpu.types import NUMBER, TEXT, UNKNOWN, SequenceOf, Type


def shown(value: Value | None, inside: bool = False) -> str:
    """A value as ``print`` shows it: the shortest text that reads back as the same number.

    None is an item of a sequence that failed.
    """
    if value is None:
        return "failed"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"' if inside else value
    if isinstance(value, tuple):
        return f"[{', '.join(shown(each, True) for each in value)}]"
    assert isinstance(value, float | int)
    if float(value).is_integer() and abs(value) < 2**53:
        return str(int(value))
    return repr(float(value))


def _of_values(
    name: str, result: Type, compute: Callable[[list[Any]], Value], parameters: Any = ()
) -> Primitive:
    def reference(arguments: list[Value], _: Grid | None) -> Value:
        return compute(arguments)

    return Primitive(
        name=name,
        names=(name,),
        family="sequence",
        shape=AccessPattern.SCALAR,
        parameters=parameters,
        result=result,
        meaning=meaning_of(name, 1),
        doc="",
        reference=reference,
        folds=name in ("concat", "format_string"),
    )


def _concatenated(texts: list[Any]) -> str:
    return "".join(map(shown, texts))


#: The maximum number of characters of a formatted number.
_WIDEST = 1000

_PLACE = re.compile(r"\{\{|\}\}|\{(?P<number>\d*)(?::(?P<how>[^{}]*))?\}|[{}]")


def _formatted(arguments: list[Any]) -> str:
    """Plain formatting: places ``{}``, ``{0}``, ``{:.2f}``; Python objects are not reachable."""
    template, *values = arguments
    pieces: list[str] = []
    start, following = 0, 0
    for match in _PLACE.finditer(template):
        pieces.append(template[start : match.start()])
        start = match.end()
        text = match[0]
        if text in ("{{", "}}"):
            pieces.append(text[0])
            continue
        if match["number"] is None:
            raise UndefinedValueError(
                f'"{template}" has a `{text}` that belongs to no place such as {{}}, {{0}} or '
                "{:.2f}; write {{ or }} for the character itself"
            )
        number = int(match["number"]) if match["number"] else following
        following += not match["number"]
        if number >= len(values):
            raise UndefinedValueError(
                f'"{template}" has a place for value {number}, of {len(values)}'
            )
        pieces.append(_spelled(values[number], match["how"] or ""))
    return "".join([*pieces, template[start:]])


def _spelled(value: Any, how: str) -> str:
    if not how:
        return shown(value)
    if any(int(number) > _WIDEST for number in re.findall(r"\d+", how)):
        raise UndefinedValueError(f"{{:{how}}} is wider than {_WIDEST} characters")
    if isinstance(value, bool):
        value = shown(value)
    if isinstance(value, float) and value.is_integer() and _takes_whole_number(how):
        value = int(value)
    try:
        return str(format(value, how))
    except ValueError as error:
        raise UndefinedValueError(
            f"`{shown(value, True)}` cannot be written as {{:{how}}}"
        ) from error


def _takes_whole_number(how: str) -> bool:
    """Whether a format spec prints integers as such: `{:03}` and `{:x}` do, `{:.1f}` does not."""
    return how[-1] not in "eEfFgGn%" and "." not in how


#: A sequence of the values of several nodes.
SEQUENCE = _of_values("sequence", UNKNOWN, tuple)

#: The item at an index, from 0.
ITEM = _of_values(
    "item",
    UNKNOWN,
    lambda given: given[0][given[1]],
    (Parameter("xs", SequenceOf(UNKNOWN)), Parameter("i", NUMBER, static=True)),
)

#: The concatenation of strings, numbers and truth values.
CONCAT = _of_values("concat", TEXT, _concatenated)

#: A template and the values for its places.
FORMAT = _of_values("format_string", TEXT, _formatted)
