"""Whether what an image was computed from is still as it was."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from voxgpu.files.errors import FileError
from voxgpu.files.header import Header, read_header
from voxgpu.files.options import ReadOptions
from voxgpu.frozen import frozen
from voxgpu.provenance.places import place_of
from voxgpu.provenance.program_text import content_of
from voxgpu.provenance.record import Input, Provenance

UNCHANGED, CHANGED, GONE = "unchanged", "changed", "gone"

#: What it was then is not recorded.
UNKNOWN = "unknown"

#: An image that was in memory, and in no file.
IN_MEMORY = "in memory"

#: A text that came from standard input or a pipe, and cannot be read again.
STREAM = "stream"

#: Where files of a process's open streams are: what they are differs from process to process.
_STREAMS = re.compile(r"/dev/(?:stdin|fd/\d+)|/proc/(?:self|thread-self|\d+)/fd/\d+")


@frozen
class FileState:
    """A file that an image was made with.

    what    ``program``, ``import``, ``primitives``, ``input`` or ``other input``
    path    as recorded
    place   where it is now; None if that cannot be told
    status  UNCHANGED, CHANGED, GONE, UNKNOWN, IN_MEMORY or STREAM
    """

    what: str
    path: str
    place: Path | None
    status: str

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        place = str(self.place) if self.place is not None else None
        return {"what": self.what, "path": self.path, "place": place, "status": self.status}


def states_of(
    record: Provenance, image: Path, digest: Callable[[Header], str]
) -> tuple[FileState, ...]:
    """The states of all files of a record: of the program, and of images.

    image   where the image of the record is now
    digest  returns the SHA-256 of an image file
    """
    return tuple(_states(record, image, digest))


def _states(
    record: Provenance, image: Path, digest: Callable[[Header], str]
) -> Iterator[FileState]:
    texts = [("program", record.program, record.sha256)] if record.program else []
    texts += [("import", each.path, each.sha256) for each in record.imports]
    texts += [("primitives", each.path, each.sha256) for each in record.primitives]
    for what, path, recorded in texts:
        place = place_of(path, image, record)
        if _STREAMS.fullmatch(path) or (place is not None and place.is_fifo()):
            yield FileState(what, path, None, STREAM)
            continue
        content = content_of(place) if place is not None else None
        status = GONE if content is None else _compared(sha256(content).hexdigest(), recorded)
        yield FileState(what, path, place, status)
    options = _read_options(record.options)
    for what, inputs in (("input", record.inputs), ("other input", record.others)):
        for each in inputs:
            yield _state_of_input(what, each, place_of(each.path, image, record), options, digest)


def _state_of_input(
    what: str,
    each: Input,
    place: Path | None,
    options: ReadOptions,
    digest: Callable[[Header], str],
) -> FileState:
    if not each.files:
        return FileState(what, each.path, None, IN_MEMORY)
    status = GONE
    if place is not None and place.exists():
        try:
            status = _compared(digest(read_header(place, options)), each.sha256)
        except FileError:
            status = CHANGED
    return FileState(what, each.path, place, status)


def _compared(now: str, then: str) -> str:
    if not then:
        return UNKNOWN
    return UNCHANGED if now == then else CHANGED


def _read_options(options: Mapping[str, Any]) -> ReadOptions:
    return ReadOptions(str(options.get("nifti-form", "")), str(options.get("series", "")))
