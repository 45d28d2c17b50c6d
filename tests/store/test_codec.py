"""Encoding and decoding preserve every kind of value; objects that are not values are refused."""

from __future__ import annotations

import json
import struct
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from tests.store.values import image, same, values
from tests.strategies import law
from voxgpu.image import Grid, Image
from voxgpu.store import codec
from voxgpu.store.codec import Undecodable, decode, encode


def _again(value: Any) -> Any:
    encoded = encode(value)
    return decode(encoded.described, memoryview(b"".join(encoded.chunks)))


@given(value=values)
@law(300)
def test_every_value_is_the_same_again(value: Any) -> None:
    assert same(_again(value), value)


def test_numbers_keep_every_bit() -> None:
    odd = struct.unpack("<d", bytes.fromhex("0100000000000cff"[::-1]))[0]
    for value in (0.0, -0.0, float("inf"), float("nan"), 5e-324, odd):
        assert same(_again(value), value)


@pytest.mark.parametrize("element", ["bool", "float32", "int16", "uint8", "float64"])
def test_images_of_several_chunks(element: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "CHUNK_BYTES", 64)
    value = image((7, 9, 11), element)
    assert len(encode(value).chunks) > 1
    assert same(_again(value), value)


def test_arrays_that_do_not_lie_in_order() -> None:
    array = np.arange(60, dtype=">f4").reshape(3, 4, 5)[:, ::-1]
    found = _again(Image(array, Grid.regular((3, 4, 5))))
    assert np.array_equal(found.array, array) and found.array.dtype == np.dtype("f4")


@pytest.mark.parametrize("value", [None, object(), b"x", [1.0], {"a": 1}, 1j])
def test_what_is_no_value_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        encode(value)
    with pytest.raises(TypeError):
        encode(Image(np.array([["x"]], object), Grid.regular((1, 1))))


def _described(**changes: Any) -> Any:
    encoded = encode(image())
    return {**encoded.described, **changes}, memoryview(b"".join(encoded.chunks))


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "pickle"},
        {"element": "object"},
        {"element": "O"},
        {"element": "S9"},
        {"shape": [4, 5, 7]},
        {"shape": [4, 5, 2**40]},
        {"shape": [-4, -5, 6]},
        {"chunks": []},
        {"chunks": [-1]},
        {"chunks": [2**40]},
        {"grid": {}},
        {"grid": None},
    ],
)
def test_descriptions_that_promise_something_else_are_refused(changes: dict[str, Any]) -> None:
    """Refused before memory is allocated: a shape of 2^40 voxels must not be trusted."""
    with pytest.raises(Undecodable):
        decode(*_described(**changes))
    assert same(decode(*_described()), image())


def test_bytes_too_many_or_too_few_are_refused() -> None:
    described, payload = _described()
    for wrong in (bytes(payload) + b"x", bytes(payload[:-1]), b""):
        with pytest.raises(Undecodable):
            decode(described, memoryview(wrong))


@pytest.mark.parametrize(("element", "place"), [("int16", 4), ("int16", 12), ("bool", 0)])
@pytest.mark.parametrize("more", [-1, 1, 1 << 30])
def test_a_chunk_that_tells_another_length_is_refused(element: str, place: int, more: int) -> None:
    """Of itself, or of what it unpacks to: the codecs read these behind a right checksum."""
    encoded = encode(image((2, 3, 4), element))
    (chunk,) = map(bytearray, encoded.chunks)
    struct.pack_into("<I", chunk, place, struct.unpack_from("<I", chunk, place)[0] + more)
    with pytest.raises(Undecodable, match="are promised"):
        decode(encoded.described, memoryview(chunk))


@pytest.mark.parametrize("element", ["bool", "uint8", "float64"])
def test_a_shape_beyond_the_chunks_is_refused_before_anything_is_listed(element: str) -> None:
    encoded = encode(image((4, 4, 4), element))
    described = json.loads(json.dumps(encoded.described))
    described["shape"] = described["grid"]["shape"] = [2**31] * 3
    tracemalloc.start()
    try:
        with pytest.raises(Undecodable, match="chunks are missing"):
            decode(described, memoryview(b"".join(encoded.chunks)))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
