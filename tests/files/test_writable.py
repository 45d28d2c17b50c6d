"""Write tests run before the computation, and leave nothing behind."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

import voxgpu
from tests.files.test_file_writing import names
from voxgpu.diagnostics import ImgqlError
from voxgpu.files import writable
from voxgpu.files.access import AllowedRoots
from voxgpu.files.refusals import SaveRefusals
from voxgpu.files.writable import path_obstruction, write_protection
from voxgpu.image import Grid
from voxgpu.types import Content, ImageOf

KIND = ImageOf(Content.BOOLEAN, grid=Grid.regular((2, 3, 4)))


def refusing(monkeypatch, code, at="open"):
    """Let the system refuse new files, or their content, with an error."""
    counted = []

    def refuse(*_):
        counted.append(1)
        raise OSError(code, os.strerror(code))

    if at == "open":
        monkeypatch.setattr(writable, "new_file", refuse)
    else:
        monkeypatch.setattr(Path, "write_bytes", refuse)
    return counted


def test_a_file_can_be_written_and_trying_leaves_nothing(tmp_path):
    for path in (tmp_path / "a.nii", tmp_path / "new" / "folder" / "a.nii"):
        assert path_obstruction(path) is None and write_protection(path) is None
    assert names(tmp_path) == []


@pytest.mark.parametrize("at", ["open", "write"])
@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.EACCES, "may not be written in"),
        (errno.EPERM, "may not be written in"),
        (errno.EROFS, "its file system is read-only"),
        (errno.ENOSPC, "has no room: no space left on device"),
        (errno.EDQUOT, "has no room: disk quota exceeded"),
        (errno.ENOENT, "no file can be written in"),
        (errno.EIO, "input/output error"),
    ],
)
def test_what_the_system_refuses_is_told_with_the_folder(tmp_path, monkeypatch, code, words, at):
    refusing(monkeypatch, code, at)
    message, help = write_protection(tmp_path / "new" / "a.nii")
    assert f"`{tmp_path}`" in message and words in message and not help
    assert names(tmp_path) == []


def test_a_folder_is_tried_once_and_not_for_files_that_are_there(tmp_path, monkeypatch):
    (tmp_path / "there.nii").touch()
    counted = refusing(monkeypatch, errno.ENOSPC)
    refusals = SaveRefusals(tmp_path, AllowedRoots())
    assert refusals.reason("there.nii", KIND) is None and not counted
    found = {refusals.reason(f"new/{each}.nii", KIND) for each in range(9)}
    assert len(counted) == len(found) == 1
    code, message, help = found.pop()
    assert code == "E202" and "no room" in message and "--output" in help
    assert SaveRefusals(tmp_path, AllowedRoots(), now=False).reason("a.nii", KIND) is None
    assert len(counted) == 1


def test_a_name_with_a_folder_of_its_own_is_not_mended_by_the_option(tmp_path, monkeypatch):
    refusing(monkeypatch, errno.EACCES)
    assert (
        "relative name" in SaveRefusals(Path(), AllowedRoots()).reason(f"{tmp_path}/a.nii", KIND)[2]
    )
    assert "another place" in SaveRefusals(tmp_path, AllowedRoots()).reason("a.nii", KIND)[2]


@pytest.mark.parametrize("place", ["file", "file/x", "file/x/y"])
def test_a_file_in_place_of_a_folder(tmp_path, place):
    (tmp_path / "file").touch()
    message, help = path_obstruction(tmp_path / place / "a.nii")
    assert message == f"`{tmp_path / 'file'}` is not a folder" and not help


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_a_file_system_that_takes_no_files_not_even_the_superusers():
    program = 'load v = "v"\nprint "m" max(v)\nsave "a.nii" v > 1\nsave "b.nii" v > 2\n'
    with pytest.raises(ImgqlError) as caught:
        voxgpu.run(program, images={"v": np.ones((2, 3, 4))}, output="/proc/x", store=None)
    (error,) = caught.value.diagnostics
    assert error.code == "E202" and "/proc" in error.message
    assert [str(error).count(each) for each in ("a.nii", "b.nii")] == [1, 1], "told once, for both"
