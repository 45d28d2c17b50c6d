"""Writing of gzip files, verified before they count as written.

The encoder is hand-written vector code of another project; a wrong byte from it, or from faulty
memory, would look like any other image. So the output is decompressed again and compared: all of a
small file, and the first part of a large one, since decompressing costs as much as compressing.
"""

from __future__ import annotations

import zlib  # a different decoder than that of the compressing library
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import xxhash

from voxgpu.cancellation import raise_if_cancelled
from voxgpu.files.errors import FileError

#: Of 0 to 3. On real scans the files are within 2 % of the size of zlib's default, 2 to 8 % larger
#: for float32 and 1.8 times for masks, in a sixth of the time; 3 is slow and saves nothing.
_LEVEL = 2

_CHUNK_BYTES = 1 << 20

#: Bytes that are decompressed again, and the fraction of the data beyond them.
_CHECKED_BYTES = 1 << 20
_CHECKED_PART = 1 / 16


def write_packed(file: BinaryIO, parts: Sequence[Any]) -> None:
    """Write ``parts`` (objects with a buffer), one after the other, as one gzip stream.

    The time in the gzip header is 0, so that equal parts give equal bytes.
    """
    with packing(file) as target:
        for chunk in _chunks(parts):
            raise_if_cancelled()
            target.write(chunk)


def packing(file: BinaryIO) -> Any:
    """Open a gzip stream that writes to a file; a context; the time in its header is 0."""
    from isal import igzip

    pack: Any = igzip.IGzipFile
    return pack("", "wb", _LEVEL, fileobj=file, mtime=0)


def check_whole_pack(path: Path, size: int, digest: bytes, name: Path) -> None:
    """Decompress a file and compare its length and xxh3-128 with the original's.

    Raises FileError, for the file ``name``, if they differ.
    """
    actual = xxhash.xxh3_128()
    try:
        with path.open("rb") as file:
            for chunk in _unpacked(file, zlib.decompressobj(wbits=31), size, True):
                actual.update(chunk)
    except zlib.error as error:
        raise _wrong(name) from error
    if actual.digest() != digest:
        raise _wrong(name)


def check_packed(path: Path, parts: Sequence[Any], name: Path) -> None:
    """Decompress a file that `write_packed` wrote and compare it with ``parts``.

    Raises FileError, for the file ``name``, if they differ.
    """
    size = sum(memoryview(each).nbytes for each in parts)
    checked = size
    if size > _CHECKED_BYTES:
        checked = _CHECKED_BYTES + int((size - _CHECKED_BYTES) * _CHECKED_PART)
    expected = xxhash.xxh3_128()
    left = checked
    for piece in _chunks(parts):
        expected.update(piece[:left])
        left -= min(left, piece.nbytes)
    actual = xxhash.xxh3_128()
    try:
        with path.open("rb") as file:
            for chunk in _unpacked(file, zlib.decompressobj(wbits=31), checked, size == checked):
                actual.update(chunk)
    except zlib.error as error:
        raise _wrong(name) from error
    if actual.digest() != expected.digest():
        raise _wrong(name)


def _unpacked(file: BinaryIO, decoder: Any, size: int, whole: bool) -> Iterator[bytes]:
    """Yield the first ``size`` bytes of a gzip stream; ``whole`` checks its end, too."""
    left = size
    packed: bytes = file.read(_CHUNK_BYTES)
    while packed and (left or (whole and not decoder.eof)):
        # If nothing is left, a stream that continues yields an unexpected byte.
        chunk: bytes = decoder.decompress(packed, left or 1)
        left -= min(left, len(chunk))
        yield chunk
        packed = decoder.unconsumed_tail or file.read(_CHUNK_BYTES)
    if whole and not decoder.eof:
        raise zlib.error("the stream has no end")


def _wrong(name: Path) -> FileError:
    return FileError(
        str(name),
        "what was packed does not unpack to what was to be written",
        "run again; where it happens twice, this computer's memory or processor is at fault",
        "write",
    )


def _chunks(parts: Sequence[Any]) -> Iterator[memoryview]:
    for part in parts:
        data = memoryview(part).cast("B")
        for start in range(0, data.nbytes, _CHUNK_BYTES):
            yield data[start : start + _CHUNK_BYTES]
