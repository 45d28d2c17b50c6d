"""Runs the examples in the docstrings of primitives.

An example is one call in ImgQL and, on the next lines, its value. A list is an image: of one row,
or, nested, of rows, or of slices of rows; a tuple in it is a color. A list of numbers may also be
a sequence, if the parameter is one.
"""

from __future__ import annotations

import re
from ast import literal_eval
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from voxgpu.frozen import frozen
from voxgpu.image import Grid, Image
from voxgpu.primitives.primitive import Primitive, Value, ValueWithWarning
from voxgpu.types import BOOLEAN, COLOR_IMAGE, NUMBER, Content, ImageOf, SequenceOf, Type

#: The grid of an example whose arguments include no image.
DEFAULT_SHAPE = (1, 3)

_CALL = re.compile(r">>> (?P<name>.+?)\((?P<arguments>.*)\)$")


@frozen
class Example:
    """``name(arguments)`` and its value, as Python lists, numbers, truth values and strings."""

    name: str
    arguments: tuple[Any, ...]
    expected: Any

    @property
    def shown(self) -> str:
        """The call in approximately its original notation."""
        return f"{self.name}({', '.join(map(str, self.arguments))})"


def examples(doc: str) -> Iterator[Example]:
    """The examples in a docstring, in order."""
    lines = doc.splitlines()
    for number, line in enumerate(lines):
        call = _CALL.match(line.strip())
        if call:
            answer = []
            for following in lines[number + 1 :]:
                if not following.strip() or following.strip().startswith(">>>"):
                    break
                answer.append(following.strip())
            arguments = _literal(f"[{call['arguments']}]")
            yield Example(call["name"], tuple(arguments), _literal(" ".join(answer)))


def argument_values(example: Example, primitive: Primitive) -> list[Value] | None:
    """The example's arguments as values for this overload; None if their types do not match."""
    if len(example.arguments) != len(primitive.parameters):
        return None
    values: list[Value] = []
    for argument, parameter in zip(example.arguments, primitive.parameters, strict=True):
        value = _value(argument, parameter.type)
        if value is None:
            return None
        values.append(value)
    return values


def failures(primitives: Iterable[Primitive]) -> Iterator[str]:
    """The examples whose result differs from the stated one, and those that match no overload."""
    by_doc: dict[str, list[Primitive]] = {}
    for primitive in primitives:
        by_doc.setdefault(primitive.doc, []).append(primitive)
    for doc, overloads in by_doc.items():
        for example in examples(doc):
            given = [(each, argument_values(example, each)) for each in overloads]
            fitting = [(each, values) for each, values in given if values is not None]
            if not fitting:
                yield f"{example.shown}: `{overloads[0].names[0]}` takes no such arguments"
            for primitive, values in fitting:
                yield from _failure(example, primitive, values)


def _failure(example: Example, primitive: Primitive, values: list[Value]) -> Iterator[str]:
    try:
        found = plain(_applied(primitive, values))
    except Exception as error:
        # The function is the user's: any exception must be reported.
        yield f"{example.shown}: {type(error).__name__}: {error}"
        return
    if found != example.expected:
        yield f"{example.shown}: expected {example.expected}, got {found}"


def _applied(primitive: Primitive, values: list[Value]) -> Value:
    grids = [each.grid for each in values if isinstance(each, Image)]
    grid: Grid | None = grids[0] if grids else Grid.regular(DEFAULT_SHAPE)
    if not primitive.makes_image:
        grid = None
    elif primitive.grid_of is not None and grid is not None:
        pairs = zip(values, primitive.parameters, strict=False)
        grid = primitive.grid_of(grid, *(value for value, each in pairs if each.static))
    value = primitive.reference(values, grid)
    return value.value if isinstance(value, ValueWithWarning) else value


def plain(value: Value) -> Any:
    """A value in the notation of examples: nested lists for images."""
    if isinstance(value, Image):
        rows = value.array.tolist()
        return rows[0] if value.grid.dimensions == 2 and len(rows) == 1 else rows
    return [plain(each) for each in value] if isinstance(value, tuple) else value


def _value(argument: Any, expected: Type) -> Value | None:
    if isinstance(expected, ImageOf):
        return _image(argument, expected) if isinstance(argument, list) else None
    if isinstance(expected, SequenceOf):
        return tuple(float(each) for each in argument) if isinstance(argument, list) else None
    if isinstance(argument, list):
        return None
    if expected == NUMBER:
        number = isinstance(argument, int | float) and not isinstance(argument, bool)
        return float(argument) if number else None
    if expected == BOOLEAN:
        return argument if isinstance(argument, bool) else None
    return argument if isinstance(argument, str) else None


def _image(rows: Any, expected: ImageOf) -> Image | None:
    array = np.array(rows)
    is_color = expected == COLOR_IMAGE
    if array.ndim - is_color == 1:
        array = array[np.newaxis]
    if (array.dtype == bool) != (expected.content is Content.BOOLEAN):
        return None
    if not is_color and expected.content is Content.NUMBER:
        array = array.astype(np.float32)
    shape = array.shape[:-1] if is_color else array.shape
    if len(shape) not in (2, 3):
        return None
    return Image(array, Grid.regular(tuple(shape)))


def _literal(text: str) -> Any:
    """Evaluates Python literals, with ``true``, ``false`` and ``inf``."""
    text = re.sub(r"\b(true|false)\b", lambda match: match[0].capitalize(), text)
    # 1e999 is a Python literal for infinity.
    text = re.sub(r"\binf\b", "1e999", text)
    return literal_eval(text)
