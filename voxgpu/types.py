"""What kinds of value does the language have, and when may one be used as another?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from voxgpu.image import Grid


class Content(Enum):
    """What one voxel of an image says."""

    BOOLEAN = "true/false"
    NUMBER = "numbers"
    COLOR = "colors"
    ANY = "any kind"


@dataclass(frozen=True, slots=True)
class Number:
    """A 64-bit floating-point number."""

    def __str__(self) -> str:
        return "number"


@dataclass(frozen=True, slots=True)
class Boolean:
    """True or false."""

    def __str__(self) -> str:
        return "bool"


@dataclass(frozen=True, slots=True)
class Text:
    """A string."""

    def __str__(self) -> str:
        return "string"


@dataclass(frozen=True, slots=True)
class ImageOf:
    """An image. The fields after ``content`` are known once the program is lowered.

    element   NumPy name of the voxels' type, such as ``int16``; empty before lowering
    channels  3 or 4 for colors, else 1
    grid      where the voxels lie
    mask      numbers that may stand for a region, read as != 0: what filters of SimpleITK that
              threshold or segment give; known before lowering
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
        """Memory that such an image takes, once its grid is known."""
        return self.grid.voxels * self.channels * ELEMENT_BYTES[self.element] if self.grid else 0


@dataclass(frozen=True, slots=True)
class SequenceOf:
    """A sequence of values of one type."""

    item: Type

    def __str__(self) -> str:
        return f"sequence of {self.item}"


@dataclass(frozen=True, slots=True)
class Function:
    """A function as a value. Every function has a type of its own, so that calls stay static.

    target  what is called: a primitive's name, or how the language stage binds a function
    """

    name: str
    target: Any

    def __str__(self) -> str:
        return "function"


@dataclass(frozen=True, slots=True)
class Unknown:
    """The type of something that has an error already, or of a parameter nobody has given yet."""

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
#: What a parameter is that takes every image; no value has this type.
ANY_IMAGE = ImageOf(Content.ANY)

#: Bytes of one voxel of each element type an image may have in memory.
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
    """What a sequence, of sequences perhaps, holds in the end; any other type itself."""
    while isinstance(kind, SequenceOf):
        kind = kind.item
    return kind


def common(first: Type, second: Type) -> Type | None:
    """The type of something that is of either type; None where they are not alike."""
    if isinstance(first, SequenceOf) and isinstance(second, SequenceOf):
        item = common(first.item, second.item)
        return None if item is None else SequenceOf(item)
    if isinstance(first, Unknown):
        return second
    if isinstance(first, ImageOf) and isinstance(second, ImageOf) and first.mask != second.mask:
        return common(replace(first, mask=False), replace(second, mask=False))
    return first if first == second or isinstance(second, Unknown) else None


def may_be_used_as(given: Type, wanted: Type) -> bool:
    """Whether a value of type ``given`` is acceptable where ``wanted`` is asked for."""
    if isinstance(given, Unknown) or isinstance(wanted, Unknown):
        return True
    if isinstance(given, ImageOf) and isinstance(wanted, ImageOf):
        return wanted.content in (given.content, Content.ANY)
    if isinstance(given, SequenceOf) and isinstance(wanted, SequenceOf):
        return may_be_used_as(given.item, wanted.item)
    return given == wanted
