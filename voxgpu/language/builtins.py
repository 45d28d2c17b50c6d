"""Polymorphic built-in operations on sequences, strings and files, with their typing rules.

Primitives have fixed types; the types of these depend on their arguments: ``xs[i]`` has the item
type of ``xs``. They are implemented in ``plan/lower_builtins.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from voxgpu.language.wording import ordinal, with_article
from voxgpu.types import (
    BOOLEAN,
    NUMBER,
    NUMBER_IMAGE,
    TEXT,
    UNKNOWN,
    Boolean,
    ImageOf,
    Number,
    SequenceOf,
    Text,
    Type,
    Unknown,
    common,
    may_be_used_as,
)

Types = Sequence[Type]


class Mistyped(Exception):
    """Raised for arguments of the wrong type; ``argument`` is the index of the offending one."""

    def __init__(self, message: str, argument: int | None = None, help: str = "") -> None:
        super().__init__(message)
        self.argument = argument
        self.help = help


def _require(name: str, types: Types, index: int, expected: Type) -> None:
    if index < len(types) and not may_be_used_as(types[index], expected):
        message = f"`{name}` needs {with_article(expected)} as its {ordinal(index)} argument"
        raise Mistyped(f"{message}, got {with_article(types[index])}", index)


def item_of(name: str, types: Types, index: int) -> Type:
    """Returns the item type of an argument that must be a sequence."""
    kind = types[index]
    if isinstance(kind, SequenceOf):
        return kind.item
    if isinstance(kind, Unknown):
        return UNKNOWN
    where = "" if len(types) == 1 else f" as its {ordinal(index)} argument"
    help = "[v] is the sequence of one image" if isinstance(kind, ImageOf) else ""
    raise Mistyped(f"`{name}` needs a sequence{where}, got {with_article(kind)}", index, help)


def _range(types: Types) -> Type:
    for index in range(len(types)):
        _require("range", types, index, NUMBER)
    return SequenceOf(NUMBER)


def _length(types: Types) -> Type:
    item_of("length", types, 0)
    return NUMBER


def _index(types: Types) -> Type:
    item = item_of("index", types, 0)
    _require("index", types, 1, NUMBER)
    return item


def _slice(types: Types) -> Type:
    item = item_of("slice", types, 0)
    _require("slice", types, 1, NUMBER)
    _require("slice", types, 2, NUMBER)
    return SequenceOf(item)


def _gather(types: Types) -> Type:
    item = item_of("gather", types, 0)
    _require("gather", types, 1, SequenceOf(NUMBER))
    return SequenceOf(item)


def _concat(types: Types) -> Type:
    if any(isinstance(each, SequenceOf) for each in types):
        joined: Type = UNKNOWN
        for index in range(len(types)):
            item = common(joined, item_of("concat", types, index))
            if item is None:
                raise Mistyped(
                    f"`concat` joins sequences of one type, got {with_article(types[0])} and "
                    f"{with_article(types[index])}",
                    index,
                )
            joined = item
        return SequenceOf(joined)
    _require_printable("concat", types)
    return TEXT


def _require_printable(name: str, types: Types) -> None:
    for index, kind in enumerate(types):
        if not isinstance(kind, Number | Boolean | Text | Unknown):
            raise Mistyped(
                f"`{name}` needs strings, numbers or truth values, got {with_article(kind)}", index
            )


def _format(types: Types) -> Type:
    _require("format_string", types, 0, TEXT)
    _require_printable("format_string", types)
    return TEXT


def _dir(types: Types) -> Type:
    each: tuple[Type, ...] = (TEXT, TEXT, BOOLEAN, BOOLEAN)
    for index, expected in enumerate(each):
        _require("dir", types, index, expected)
    return SequenceOf(TEXT)


def _read(types: Types) -> Type:
    _require("ReadImage", types, 0, TEXT)
    return NUMBER_IMAGE


def _write(types: Types) -> Type:
    if not isinstance(types[0], ImageOf | Unknown):
        raise Mistyped(f"`WriteImage` needs an image, got {with_article(types[0])}", 0)
    _require("WriteImage", types, 1, TEXT)
    _require("WriteImage", types, 2, BOOLEAN)
    return TEXT


_UNLIMITED = 1_000_000

#: By name: the operation, its minimum and maximum number of arguments, and its typing rule.
OPERATIONS: dict[str, tuple[str, int, int, Callable[[Types], Type]]] = {
    "range": ("range", 1, 3, _range),
    "length": ("length", 1, 1, _length),
    "index": ("index", 2, 2, _index),
    "slice": ("slice", 3, 3, _slice),
    "subsequence": ("slice", 3, 3, _slice),
    "gather": ("gather", 2, 2, _gather),
    "concat": ("concat", 1, _UNLIMITED, _concat),
    "format_string": ("format_string", 1, _UNLIMITED, _format),
    "dir": ("dir", 1, 4, _dir),
    "simpleitk.ReadImage": ("read", 1, 1, _read),
    "simpleitk.WriteImage": ("write_image", 2, 3, _write),
}

#: Built-ins that take a function as first argument, with their accepted argument counts.
HIGHER_ORDER = {"map": (2,), "filter": (2,), "fold": (2, 3)}
