"""The types of the language and the rules for their compatibility."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import Any

from voxgpu.frozen import frozen
from voxgpu.image import Grid


class Content(Enum):
    """The meaning of a voxel's value."""

    BOOLEAN = "true/false"
    NUMBER = "numbers"
    COLOR = "colors"
    ANY = "any kind"


@frozen(slots=True)
class Number:
    """A 64-bit floating-point number."""

    def __str__(self) -> str:
        return "number"


@frozen(slots=True)
class Boolean:
    """A truth value."""

    def __str__(self) -> str:
        return "bool"


@frozen(slots=True)
class Text:
    """A string."""

    def __str__(self) -> str:
        return "string"


@frozen(slots=True)
class ImageOf:
    """An image. The fields after ``content`` are known once the program is lowered.

    element   NumPy name of the voxels' type, such as ``int16``; empty before lowering
    channels  3 or 4 for colors, else 1
    grid      where the voxels lie
    mask      whether numbers may stand for a region, read as != 0, as in the results of SimpleITK
              filters that threshold or segment; known before lowering
    """

    content: Content
    element: str = ""
    channels: int = 1
    grid: Grid | None = None
    mask: bool = False

    def __str__(self) -> str:
        return f"image of {self.content.value}"

    @property
    def bytes(self) -> int:
        """Memory size of such an image in bytes, once its grid is known."""
        return self.grid.voxels * self.channels * ELEMENT_BYTES[self.element] if self.grid else 0


@frozen(slots=True)
class SequenceOf:
    """A sequence of values of one type."""

    item: Type

    def __str__(self) -> str:
        return f"sequence of {self.item}"


@frozen(slots=True)
class Function:
    """A function as a value. Every function has its own type, so calls are resolved statically."""

    name: str
    target: Any

    def __str__(self) -> str:
        return "function"


@frozen(slots=True)
class Unknown:
    """The type of an erroneous value, or of a parameter of a function that is never called."""

    def __str__(self) -> str:
        return "unknown"


Type = Number | Boolean | Text | ImageOf | SequenceOf | Function | Unknown

NUMBER = Number()
BOOLEAN = Boolean()
TEXT = Text()
UNKNOWN = Unknown()
BOOLEAN_IMAGE = ImageOf(Content.BOOLEAN)
NUMBER_IMAGE = ImageOf(Content.NUMBER)
COLOR_IMAGE = ImageOf(Content.COLOR)
#: The type of a parameter that accepts any image; no value has this type.
ANY_IMAGE = ImageOf(Content.ANY)

#: Bytes per voxel of each element type that an image may have in memory.
ELEMENT_BYTES = {
    "bool": 1,
    "uint8": 1,
    "int8": 1,
    "uint16": 2,
    "int16": 2,
    "uint32": 4,
    "int32": 4,
    "uint64": 8,
    "int64": 8,
    "float32": 4,
    "float64": 8,
}


def innermost(kind: Type) -> Type:
    """Returns the innermost item type of nested sequences; any other type is returned unchanged."""
    while isinstance(kind, SequenceOf):
        kind = kind.item
    return kind


def common(first: Type, second: Type) -> Type | None:
    """Returns the common type of two alternatives, or None if they are incompatible."""
    if isinstance(first, SequenceOf) and isinstance(second, SequenceOf):
        item = common(first.item, second.item)
        return None if item is None else SequenceOf(item)
    if isinstance(first, Unknown):
        return second
    if isinstance(first, ImageOf) and isinstance(second, ImageOf) and first.mask != second.mask:
        return common(replace(first, mask=False), replace(second, mask=False))
    return first if first == second or isinstance(second, Unknown) else None


def may_be_used_as(actual: Type, expected: Type) -> bool:
    """Returns whether a value of type ``actual`` is accepted where ``expected`` is required."""
    if isinstance(actual, Unknown) or isinstance(expected, Unknown):
        return True
    if isinstance(actual, ImageOf) and isinstance(expected, ImageOf):
        return expected.content in (actual.content, Content.ANY)
    if isinstance(actual, SequenceOf) and isinstance(expected, SequenceOf):
        return may_be_used_as(actual.item, expected.item)
    return actual == expected
