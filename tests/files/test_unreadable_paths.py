"""Paths at which there is nothing to read: each message says what is there instead."""

import errno
import os
import socket

import pytest
from nifti_samples import header, write

from tests.files.test_file_headers import problem


def test_a_missing_file_and_what_may_have_been_meant(tmp_path):
    write(tmp_path / "patient_flair.nii.gz", header())
    caught = problem(tmp_path / "patient_flare.nii.gz")
    assert caught.reason == "no such file"
    assert caught.help == "did you mean `patient_flair.nii.gz`?"
    assert problem(tmp_path / "something else").help == ""


def test_a_missing_folder(tmp_path):
    (tmp_path / "patients").mkdir()
    caught = problem(tmp_path / "patient" / "one" / "a.nii")
    assert caught.reason == f"there is no folder `{tmp_path / 'patient'}`"
    assert caught.help == "did you mean `patients`?"


def test_a_link_to_nothing(tmp_path):
    (tmp_path / "a.nii").symlink_to("annex/objects/a.nii")
    caught = problem(tmp_path / "a.nii")
    assert caught.reason == "it is a link to `annex/objects/a.nii`, which does not exist"
    assert "git annex get" in caught.help


def test_names_that_no_file_can_have(tmp_path):
    assert "not a possible file name" in problem(tmp_path / "a\0b.nii").reason
    assert "too long" in problem(tmp_path / ("a" * 300 + ".nii")).reason
    (tmp_path / "loop.nii").symlink_to("loop.nii")
    assert "symbolic links" in problem(tmp_path / "loop.nii").reason


def test_a_file_used_as_a_folder(tmp_path):
    write(tmp_path / "a.nii", header())
    assert problem(tmp_path / "a.nii" / "b.nii").reason == "not a directory"


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to the superuser")
def test_a_file_that_may_not_be_read(tmp_path):
    path = write(tmp_path / "a.nii", header())
    path.chmod(0)
    assert problem(path).reason == "permission denied"


def test_a_file_that_the_system_refuses(tmp_path, monkeypatch):
    path = write(tmp_path / "a.nii", header())

    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("pathlib.Path.open", refuse)
    assert problem(path).reason == "permission denied"


def test_what_is_neither_a_file_nor_a_folder(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.nii")
    assert problem(tmp_path / "pipe.nii").reason == "it is neither a file nor a folder"
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.nii")
        assert "neither" in problem(tmp_path / "s.nii").reason
