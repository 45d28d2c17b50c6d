"""Sources: the leaves of a plan, from constants in the program and from files."""

from __future__ import annotations

from voxgpu.ids import meaning_of
from voxgpu.image import Grid
from voxgpu.primitives.primitive import AccessPattern, Primitive, Value
from voxgpu.types import UNKNOWN

#: Increase when the reader produces other voxels from the same bytes.
_READER_VERSION = 2


def _performed_elsewhere(arguments: list[Value], grid: Grid | None) -> Value:
    raise AssertionError("constants and files are delivered by the task that performs them")


def _source(name: str, version: int) -> Primitive:
    return Primitive(
        name=name,
        names=(name,),
        family="source",
        shape=AccessPattern.SOURCE,
        parameters=(),
        result=UNKNOWN,
        meaning=meaning_of(name, version),
        doc="",
        reference=_performed_elsewhere,
    )


#: A number, truth value or string constant of the program; it is the node's parameter.
CONSTANT = _source("constant", 1)

#: The image in a file; the node's parameters are the digest of the file's content, and the
#: options chosen where the format is ambiguous.
LOAD = _source("load", _READER_VERSION)
