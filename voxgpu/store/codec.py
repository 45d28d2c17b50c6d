"""Serialization of values. No pickle: decoding executes nothing.

A value is described by plain JSON; the voxels of images follow as compressed chunks, in order.
Booleans are packed eight to a byte, then compressed with LZ4; numbers are shuffled by byte, then
compressed with LZ4 (Blosc). Every length is checked against the description before decompression.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.frozen import frozen
from voxgpu.image import Grid, Image
from voxgpu.primitives.primitive import Value

#: Bytes compressed at a time: Blosc accepts at most 2 GiB, and needs as much memory again. Small
#: enough for the allocator to reuse the memory.
CHUNK_BYTES = 4 << 20

#: Blosc's effort; on ranks of real scans, 3 is the fastest and within 2 % of the smallest.
_EFFORT = 3

#: Kinds of NumPy element types of images: booleans, integers, floats.
_ELEMENTS = "biuf"

Voxels = npt.NDArray[Any]


class Undecodable(Exception):
    """The data is not a value, or does not match its description."""


@frozen(slots=True)
class Encoded:
    """A value as plain JSON and, if it contains images, the compressed chunks of their voxels."""

    described: dict[str, Any]
    chunks: tuple[bytes, ...] = ()


def encode(value: Value) -> Encoded:
    """Encode a value; raises TypeError for objects that are not values of the language."""
    chunks: list[bytes] = []
    return Encoded(_describe(value, chunks), tuple(chunks))


def decode(described: Any, payload: memoryview) -> Value:
    """Decode a value, bit for bit; raises Undecodable. ``payload`` is all chunks in order."""
    reader = _Reader(payload)
    try:
        value = _decode_value(described, reader)
    except (KeyError, TypeError, ValueError, AttributeError, struct.error, RuntimeError) as error:
        raise Undecodable(f"{type(error).__name__}: {error}") from None
    if reader.remaining:
        raise Undecodable(f"{reader.remaining} bytes too many")
    return value


def kind_of(described: Any) -> str:
    """The kind of the described value: ``number``, ``image of float32``, …"""
    kind = str(described["kind"])
    return f"image of {described['element']}" if kind == "image" else kind


def _describe(value: Value, chunks: list[bytes]) -> dict[str, Any]:
    match value:
        case bool():
            return {"kind": "bool", "value": value}
        case float() | int():
            return {"kind": "number", "value": struct.pack("<d", value).hex()}
        case str():
            return {"kind": "string", "value": value}
        case tuple() if value and all(type(each) is float for each in value):
            return {"kind": "sequence", "numbers": struct.pack(f"<{len(value)}d", *value).hex()}
        case tuple():
            return {"kind": "sequence", "items": [_describe(each, chunks) for each in value]}
        case Image():
            return _describe_image(value, chunks)
    raise TypeError(f"no value of the language: {type(value).__name__}")


def _describe_image(image: Image, chunks: list[bytes]) -> dict[str, Any]:
    array = image.array
    if array.dtype.kind not in _ELEMENTS:
        raise TypeError(f"no voxels of the language: {array.dtype}")
    packed = list(_compressed_chunks(array))
    chunks += packed
    grid = image.grid
    return {
        "kind": "image",
        "element": array.dtype.name,
        "shape": list(array.shape),
        "chunks": [len(each) for each in packed],
        "grid": {
            "shape": list(grid.shape),
            "spacing": list(grid.spacing),
            "origin": list(grid.origin),
            "direction": list(grid.direction),
            "nifti": grid.nifti.hex(),
        },
    }


def _compressed_chunks(array: Voxels) -> Iterator[bytes]:
    flat = np.ascontiguousarray(array).reshape(-1)
    if array.dtype.kind == "b":
        from numcodecs import LZ4

        bits = np.packbits(flat)
        for start in range(0, bits.size, CHUNK_BYTES):
            yield bytes(LZ4().encode(bits[start : start + CHUNK_BYTES]))
        return
    from numcodecs import Blosc

    flat = flat.astype(array.dtype.newbyteorder("<"), copy=False)
    pack = Blosc("lz4", _EFFORT, Blosc.SHUFFLE)
    step = CHUNK_BYTES // array.itemsize
    for start in range(0, flat.size, step):
        yield bytes(pack.encode(flat[start : start + step]))


def _decode_value(described: Any, reader: _Reader) -> Value:
    match described["kind"]:
        case "bool":
            return bool(described["value"])
        case "number":
            return float(struct.unpack("<d", bytes.fromhex(described["value"]))[0])
        case "string":
            return str(described["value"])
        case "sequence" if "numbers" in described:
            packed = bytes.fromhex(described["numbers"])
            return tuple(struct.unpack(f"<{len(packed) // 8}d", packed))
        case "sequence":
            return tuple(_decode_value(each, reader) for each in described["items"])
        case "image":
            return _decode_image(described, reader)
    raise Undecodable(f"unknown kind of value: {described['kind']!r}")


def _decode_image(described: Any, reader: _Reader) -> Image:
    element = np.dtype(described["element"])
    if element.kind not in _ELEMENTS:
        raise Undecodable(f"unknown element: {element}")
    shape = tuple(int(size) for size in described["shape"])
    grid = _decode_grid(described["grid"])
    if min(shape, default=0) < 0 or shape[: grid.dimensions] != grid.shape:
        raise Undecodable(f"voxels of shape {shape} on a grid of {grid.shape}")
    lengths = [int(each) for each in described["chunks"]]
    return Image(_decode_voxels(element, shape, lengths, reader), grid)


def _decode_grid(described: Any) -> Grid:
    return Grid(
        tuple(map(int, described["shape"])),
        tuple(map(float, described["spacing"])),
        tuple(map(float, described["origin"])),
        tuple(map(float, described["direction"])),
        bytes.fromhex(described["nifti"]),
    )


def _decode_voxels(
    element: np.dtype[Any], shape: tuple[int, ...], lengths: list[int], reader: _Reader
) -> Voxels:
    count = int(np.prod(shape, dtype=object))
    is_bool = element.kind == "b"
    total = (count + 7) // 8 if is_bool else count * element.itemsize
    # Counted before a list is built: a header may promise any number of voxels.
    if -(-total // CHUNK_BYTES) != len(lengths) or sum(lengths) > reader.remaining:
        raise Undecodable("chunks are missing")
    sizes = [min(CHUNK_BYTES, total - start) for start in range(0, total, CHUNK_BYTES)]
    packed = [reader.take(length) for length in lengths]
    for size, chunk in zip(sizes, packed, strict=True):
        _check_promise(chunk, size, is_bool)
    unpack = _lz4() if is_bool else _blosc()
    flat = np.empty(total, np.uint8)
    start = 0
    for size, chunk in zip(sizes, packed, strict=True):
        unpack.decode(chunk, out=flat[start : start + size])
        start += size
    if is_bool:
        return np.unpackbits(flat, count=count).view(np.bool_).reshape(shape)
    little = flat.view(element.newbyteorder("<"))
    return little.astype(element, copy=False).reshape(shape)


def _check_promise(chunk: memoryview, size: int, is_bool: bool) -> None:
    """Check the chunk's own length against ``size`` before memory is allocated."""
    if is_bool:
        promised, length = struct.unpack_from("<I", chunk)[0], len(chunk)
    else:
        promised, length = struct.unpack_from("<I4xI", chunk, 4)
    if promised != size or length != len(chunk):
        raise Undecodable(f"a chunk of {promised} bytes where {size} are promised")


def _lz4() -> Any:
    from numcodecs import LZ4

    return LZ4()


def _blosc() -> Any:
    from numcodecs import Blosc

    return Blosc()


class _Reader:
    """Returns the chunks one after the other."""

    def __init__(self, payload: memoryview) -> None:
        self._payload = payload
        self._offset = 0

    @property
    def remaining(self) -> int:
        return len(self._payload) - self._offset

    def take(self, length: int) -> memoryview:
        if not 0 <= length <= self.remaining:
            raise Undecodable("chunks are missing")
        self._offset += length
        return self._payload[self._offset - length : self._offset]
