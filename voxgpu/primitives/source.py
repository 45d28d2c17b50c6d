"""Where do values come from that no operation makes? From the program's text, and from files."""

from __future__ import annotations

from voxgpu.ids import meaning_of
from voxgpu.image import Grid
from voxgpu.primitives.primitive import AccessPattern, Primitive, Value
from voxgpu.types import UNKNOWN

#: Bump when the reader would make other voxels of the same bytes.
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


#: A number, truth value or string of the program; the node's parameter is the value.
CONSTANT = _source("constant", 1)

#: The image in a file; the node's parameters are the digest of the file's content, and
#: what options decided on where the file leaves a choice.
LOAD = _source("load", _READER_VERSION)
