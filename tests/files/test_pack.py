"""Verification of compressed files against the data that was compressed."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np
import pytest
import xxhash

from voxgpu.files import write
from voxgpu.files.errors import FileError
from voxgpu.files.pack import check_packed, write_packed
from voxgpu.image import Grid, Image

SIZES = [0, 1, 3, 1 << 16, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5 << 20]


def packed(path: Path, parts: tuple[bytes, ...]) -> Path:
    with path.open("wb") as file:
        write_packed(file, parts)
    return path


@pytest.mark.parametrize("kind", ["noise", "zeros"])
@pytest.mark.parametrize("size", SIZES)
def test_what_is_packed_is_unpacked(tmp_path, size, kind):
    data = np.random.default_rng(0).bytes(size) if kind == "noise" else bytes(size)
    path = packed(tmp_path / "a.gz", (b"header", data))
    assert gzip.decompress(path.read_bytes()) == b"header" + data
    check_packed(path, (b"header", data), path)


@pytest.mark.parametrize("size", [100, 3 << 20])
def test_another_byte_is_noticed(tmp_path, size):
    data = bytearray(np.random.default_rng(0).bytes(size))
    path = packed(tmp_path / "a.gz", (b"header", bytes(data)))
    data[37] ^= 4
    with pytest.raises(FileError, match="does not unpack"):
        check_packed(path, (b"header", bytes(data)), path)


@pytest.mark.parametrize("cut", [1, 5, 8, 9, 40])
def test_a_stream_that_is_cut_is_noticed(tmp_path, cut):
    path = packed(tmp_path / "a.gz", (bytes(200),))
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(FileError, match="does not unpack"):
        check_packed(path, (bytes(200),), path)


@pytest.mark.parametrize("more", [b"x", bytes(1 << 16)])
def test_a_stream_that_goes_on_is_noticed(tmp_path, more):
    path = packed(tmp_path / "a.gz", (bytes(200), more))
    with pytest.raises(FileError, match="does not unpack"):
        check_packed(path, (bytes(200),), path)


def test_every_flipped_bit_of_a_small_file_is_noticed(tmp_path):
    parts = (np.random.default_rng(0).integers(0, 3, 60).astype(np.uint8).tobytes(),)
    path = packed(tmp_path / "a.gz", parts)
    whole = path.read_bytes()
    told = 0
    for bit in range(10 * 8, len(whole) * 8):  # after the header of the stream
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            check_packed(path, parts, path)
        except FileError:
            told += 1
        else:  # some bits have no effect
            assert zlib.decompress(damaged, wbits=31) == parts[0]
    assert told > 100


def test_an_encoder_that_is_wrong_leaves_no_file(tmp_path, monkeypatch):
    def wrong(file, parts):
        data = bytearray(b"".join(bytes(each) for each in parts))
        data[400] ^= 1
        write_packed(file, (bytes(data),))

    monkeypatch.setattr(write, "write_packed", wrong)
    image = Image(np.zeros((6, 7, 8), np.uint8), Grid.regular((6, 7, 8)))
    with pytest.raises(FileError, match="does not unpack"):
        write.write_image(tmp_path / "a.nii.gz", image)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha", "a.tif"])
def test_the_digest_is_that_of_the_bytes_written(tmp_path, name):
    image = Image(np.arange(60, dtype=np.uint8).reshape(3, 4, 5), Grid.regular((3, 4, 5)))
    written = write.write_image(tmp_path / name, image)
    assert written.digest == xxhash.xxh3_128_digest((tmp_path / name).read_bytes())
