"""Files are read in blocks; files that are truncated meanwhile end early."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from voxgpu.files import file_bytes, raster
from voxgpu.files.errors import FileError
from voxgpu.files.file_bytes import FileBytes
from voxgpu.files.header import read_header


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 300 bytes with few values."""
    path = tmp_path_factory.mktemp("bytes") / "file"
    path.write_bytes(np.random.default_rng(0).integers(0, 3, 300, np.uint8).tobytes())
    return path


@given(st.integers(0, 310), st.integers(0, 310), st.binary(min_size=1, max_size=4), st.data())
def test_it_is_as_if_all_were_in_memory(
    file: Path, start: int, stop: int, wanted: bytes, data: st.DataObject
) -> None:
    whole = file.read_bytes()
    with pytest.MonkeyPatch.context() as patch, file.open("rb") as opened:
        patch.setattr(file_bytes, "_BLOCK_BYTES", 7)
        found = FileBytes(opened)
        assert len(found) == 300
        assert found.part(start, stop) == whole[start:stop]
        wanted = data.draw(st.sampled_from([wanted, whole[stop : stop + 5] or b"\0"]))
        assert found.find(wanted, start) == whole.find(wanted, start)
        if start <= 292:
            assert found.unpack("<Q", start) == struct.unpack_from("<Q", whole, start)
        else:
            with pytest.raises(struct.error):
                found.unpack("<Q", start)


@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg", ".bmp"])
def test_a_file_that_becomes_shorter_is_told_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    path = tmp_path / f"a{suffix}"
    array = np.random.default_rng(0).integers(0, 255, (300, 400), np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(array), str(path))
    assert raster.raster_defect(str(path)) == ""
    length = FileBytes.__len__

    def shortened(self: FileBytes) -> int:
        path.write_bytes(path.read_bytes()[:20])
        return length(self)

    monkeypatch.setattr(FileBytes, "__len__", shortened)
    assert raster.raster_defect(str(path)) == raster.TRUNCATED


def test_a_file_that_is_written_while_its_header_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from voxgpu.files import header

    path = tmp_path / "a.tif"
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((30, 40), np.uint8)), str(path))

    def crashed(place: str, *_: object) -> None:
        path.write_bytes(b"another")
        raise FileError(place, "it is damaged: its reader crashes (SIGBUS)")

    monkeypatch.setattr(header, "read_isolated", crashed)
    with pytest.raises(FileError, match="was changed while it was read"):
        read_header(path)
