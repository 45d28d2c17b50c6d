"""The format of object files, each of which holds one value.

A file is ``MAGIC``, the format version, the length of the header, the header (JSON), the compressed
voxels, and the xxh3-128 checksum of all of that. It is self-describing, so that an index can be
rebuilt from the files. It is renamed to its final name only when it is complete.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import xxhash

from voxgpu.frozen import frozen
from voxgpu.ids import ValueId
from voxgpu.primitives.primitive import Value
from voxgpu.store.codec import Encoded, Undecodable, decode
from voxgpu.temporary_files import new_file

MAGIC = b"voxgpu object\n"

#: Version of the file layout and of the description of values. Other versions are left alone.
FORMAT = 1

#: Mode of folders: only the owner may access them.
_PRIVATE = 0o700

_START = struct.Struct("<IQ")
_CHECKSUM_BYTES = 16


class Damaged(Exception):
    """A file is truncated, corrupt, or not an object."""


class OtherFormat(Exception):
    """A file was written by another version, and must be left alone."""


@frozen(slots=True)
class Stored:
    """The metadata in an object file.

    id          the id of the value
    described   the value without voxels
    bytes       memory that the value takes
    seconds     time to recompute the value
    created     seconds since 1970
    provenance  ``primitive``, ``parameters``, ``inputs``, ``version``
    warnings    warnings to report wherever the value is used: ids of nodes and texts
    """

    id: ValueId
    described: Mapping[str, Any]
    bytes: int
    seconds: float
    created: float
    provenance: Mapping[str, Any]
    warnings: tuple[tuple[ValueId, str], ...] = ()


def object_path(folder: Path, id: ValueId) -> Path:
    """The path of a value's file: two letters of its id, then the others."""
    return folder / id[:2] / id[2:]


def id_of(path: Path) -> ValueId | None:
    """The id that a file is named by; None if the name is not an id."""
    name = path.parent.name + path.name
    is_id = len(name) == 64 and set(name) <= set("0123456789abcdef")
    return ValueId(name) if is_id else None


def write_object(
    path: Path,
    stored: Stored,
    encoded: Encoded,
    durable: bool = True,
    folder_mode: int = _PRIVATE,
) -> int:
    """Write a file atomically; returns its size in bytes. Raises OSError, and then leaves nothing.

    durable      flush the file to the disk before it is renamed
    folder_mode  mode of its folder, and of the file without the execute bits
    """
    data = [_header(stored), *encoded.chunks]
    checksum = xxhash.xxh3_128()
    for part in data:
        checksum.update(part)
    data.append(checksum.digest())
    _make_folder(path.parent, folder_mode)
    unfinished = new_file(path.parent, "", mode=folder_mode & 0o666)
    try:
        with unfinished.path.open("wb", 0) as file:
            if folder_mode != _PRIVATE:
                os.fchmod(file.fileno(), folder_mode & 0o666)
            for part in data:
                _write_all(file.fileno(), part)
            if durable:
                os.fsync(file.fileno())
        unfinished.become(path)
    finally:
        unfinished.remove()
    return sum(map(len, data))


def read_object(path: Path, id: ValueId) -> tuple[Stored, Value]:
    """Read the metadata and the value of a file.

    Raises FileNotFoundError, Damaged if the file is not intact or holds another value, OtherFormat,
    and OSError if it cannot be read.
    """
    stored, payload = _verify(path.read_bytes(), id)
    try:
        return stored, decode(stored.described, payload)
    except Undecodable as error:
        raise Damaged(str(error)) from None


def read_stored(path: Path, id: ValueId) -> Stored:
    """Read the metadata of a file, verifying all of it; raises as `read_object` does."""
    return _verify(path.read_bytes(), id)[0]


def is_of_other_format(path: Path) -> bool:
    """Whether there is an object that another version has written."""
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC) + _START.size)
    except OSError:
        return False
    if len(start) < len(MAGIC) + _START.size or not start.startswith(MAGIC):
        return False
    return bool(_START.unpack_from(start, len(MAGIC))[0] != FORMAT)


def _header(stored: Stored) -> bytes:
    header = {
        "id": stored.id,
        "value": stored.described,
        "bytes": stored.bytes,
        "seconds": stored.seconds,
        "created": stored.created,
        "made": stored.provenance,
        "warnings": stored.warnings,
    }
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    return MAGIC + _START.pack(FORMAT, len(text)) + text


def _verify(data: bytes, id: ValueId) -> tuple[Stored, memoryview]:
    start = len(MAGIC) + _START.size
    if len(data) < start + _CHECKSUM_BYTES or not data.startswith(MAGIC):
        raise Damaged("it is no object, or cut short")
    whole = memoryview(data)
    body, checksum = whole[:-_CHECKSUM_BYTES], whole[-_CHECKSUM_BYTES:]
    if xxhash.xxh3_128_digest(body) != checksum:
        raise Damaged("its checksum is wrong")
    version, length = _START.unpack_from(data, len(MAGIC))
    if version != FORMAT:
        raise OtherFormat(f"format {version}")
    try:
        stored = _parse_stored(json.loads(bytes(body[start : start + length])))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise Damaged(f"its header is invalid: {error}") from None
    if stored.id != id:
        raise Damaged("it holds another value")
    return stored, body[start + length :]


def _parse_stored(header: Any) -> Stored:
    return Stored(
        ValueId(header["id"]),
        dict(header["value"]),
        int(header["bytes"]),
        float(header["seconds"]),
        float(header["created"]),
        dict(header["made"]),
        tuple((ValueId(each), str(reason)) for each, reason in header["warnings"]),
    )


def _make_folder(folder: Path, mode: int) -> None:
    """Create a folder with this mode, regardless of the umask."""
    if not folder.is_dir():
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
        if mode != _PRIVATE:
            with suppress(OSError):
                folder.chmod(mode)


def _write_all(descriptor: int, part: bytes) -> None:
    left = memoryview(part)
    while left:
        left = left[os.write(descriptor, left) :]
