import hashlib
import os
import pickle
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import nibabel
import numpy as np
import pytest
from nifti_samples import header, write

import voxgpu
from voxgpu.files import digest as digesting
from voxgpu.files import header as headers
from voxgpu.files import read as reading
from voxgpu.files.digest import Digests, content_digest
from voxgpu.files.errors import FileError
from voxgpu.files.header import Header, read_header
from voxgpu.files.read import read_image
from voxgpu.image import Grid

GRID = Grid.regular((2, 3, 4))
LONG_AGO = 1_000_000_000


def of_files(*paths) -> Header:
    return Header(str(paths[0]), GRID, "int16", 1, tuple(map(str, paths)))


def put(path, content, age=LONG_AGO):
    path.write_bytes(content)
    os.utime(path, ns=(age * 10**9, age * 10**9))
    return path


@pytest.fixture
def hashed(monkeypatch):
    """The files that were read for hashing."""
    read = []
    digest = hashlib.file_digest

    def counted(file, name):
        read.append(os.path.basename(file.name))  # noqa: PTH119
        return digest(file, name)

    monkeypatch.setattr(digesting.hashlib, "file_digest", counted)
    return read


def test_the_digest_of_one_file_is_its_sha256(tmp_path):
    path = write(tmp_path / "a.nii.gz", header())
    wanted = hashlib.sha256(path.read_bytes()).hexdigest()
    assert content_digest(read_header(path)) == wanted
    assert Digests().of(read_header(path)) == wanted


def test_names_and_places_do_not_matter(tmp_path):
    (tmp_path / "folder").mkdir()
    a, b = put(tmp_path / "a", b"x"), put(tmp_path / "b", b"y")
    c, d = put(tmp_path / "folder" / "c", b"x"), put(tmp_path / "folder" / "d", b"y")
    assert content_digest(of_files(a, b)) == content_digest(of_files(c, d))


def test_several_files_do_not_run_into_each_other(tmp_path):
    contents = [
        (b"ab", b"c"),
        (b"a", b"bc"),
        (b"abc",),
        (b"abc", b""),
        (b"", b"abc"),
        (b"c", b"ab"),
    ]
    digests = set()
    for index, parts in enumerate(contents):
        paths = [put(tmp_path / f"{index}-{n}", part) for n, part in enumerate(parts)]
        digests.add(content_digest(of_files(*paths)))
    assert len(digests) == len(contents)


def test_detached_voxels_enter(tmp_path):
    fields = "NDims = 2\nDimSize = 2 2\nElementType = MET_UCHAR\nElementDataFile = a.raw\n"
    (tmp_path / "a.mhd").write_text(fields)
    digests = set()
    for voxels in (b"abcd", b"abce"):
        (tmp_path / "a.raw").write_bytes(voxels)
        digests.add(content_digest(read_header(tmp_path / "a.mhd")))
    assert len(digests) == 2


def test_a_file_is_read_once_as_long_as_it_stays_the_same(tmp_path, hashed):
    a, b = put(tmp_path / "a", b"x"), put(tmp_path / "b", b"y")
    digests = Digests()
    first = digests.of(of_files(a, b))
    assert digests.of(of_files(a, b)) == first
    digests.of(of_files(b))
    assert hashed == ["a", "b"]


@pytest.mark.parametrize("change", ["content", "date", "inode", "restored date", "copied over"])
def test_a_changed_file_is_read_again(tmp_path, hashed, change):
    path = put(tmp_path / "a", b"xy")
    digests = Digests()
    before = digests.of(of_files(path))
    if change == "content":
        put(path, b"other", LONG_AGO)
    elif change == "restored date":
        put(path, b"cd", LONG_AGO)
    elif change == "copied over":
        shutil.copy2(put(tmp_path / "b", b"cd"), path)
    elif change == "date":
        put(path, b"ab", LONG_AGO + 1)
    else:
        put(tmp_path / "b", b"cd").replace(path)
    assert digests.of(of_files(path)) != before
    assert hashed == ["a", "a"]


def test_a_file_just_written_may_change_within_the_tick_of_a_clock(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"one")
    now = path.stat().st_mtime_ns
    digests = Digests()
    before = digests.of(of_files(path))
    path.write_bytes(b"two")
    os.utime(path, ns=(now, now))
    assert digests.of(of_files(path)) != before


def test_a_file_that_vanished(tmp_path):
    path = put(tmp_path / "a", b"x")
    digests = Digests()
    digests.of(of_files(path))
    path.unlink()
    with pytest.raises(FileError, match="no such file or directory") as caught:
        digests.of(of_files(path))
    assert caught.value.path == str(path)
    with pytest.raises(FileError):
        content_digest(of_files(path))


def test_a_file_that_grows_while_it_is_read(tmp_path, monkeypatch):
    path = put(tmp_path / "a", b"x")
    digest = hashlib.file_digest

    def grow(file, name):
        result = digest(file, name)
        with path.open("ab") as more:
            more.write(b"more")
        return result

    monkeypatch.setattr(digesting.hashlib, "file_digest", grow)
    with pytest.raises(FileError, match="changed while it was read"):
        Digests().of(of_files(path))


def test_a_problem_survives_the_way_between_processes():
    problem = FileError("a.nii", "it is gone", "look elsewhere", "write")
    copy = pickle.loads(pickle.dumps(problem))
    assert (copy.path, copy.reason, copy.help) == ("a.nii", "it is gone", "look elsewhere")
    assert str(copy) == str(problem) == "cannot write `a.nii`: it is gone"
    assert str(FileError("a.nii", "it is gone")) == "cannot read `a.nii`: it is gone"
    assert FileError("a.nii", "it is gone").help == ""


def test_a_header_survives_the_way_between_processes(tmp_path):
    result = read_header(write(tmp_path / "a.nii", header()))
    assert pickle.loads(pickle.dumps(result)) == result


def test_the_vocabulary_of_files_is_cheap_to_import():
    code = (
        "import sys; import voxgpu.files.header, voxgpu.files.digest, voxgpu.files.access, "
        "voxgpu.files.read, voxgpu.files.write; "
        "print(sorted({'SimpleITK', 'PIL', 'isal', 'scipy'} & set(sys.modules)))"
    )
    root = str(Path(__file__).parents[2])
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"


def voxels_of(value):
    return nifti_of(np.full((4, 4, 4), value, np.uint8))


def nifti_of(array):
    return nibabel.Nifti1Image(array, np.eye(4)).to_bytes()


def test_voxels_of_a_file_that_was_replaced_since_it_was_hashed_are_not_taken(tmp_path):
    path = put(tmp_path / "a.nii", voxels_of(1))
    header = read_header(path)
    Digests().of(header)
    put(tmp_path / "b.nii", voxels_of(7)).replace(path)
    with pytest.raises(FileError, match="changed while it was read") as caught:
        read_image(header)
    assert "run again" in caught.value.help


def test_a_file_that_was_replaced_since_its_header_was_read_is_not_hashed(tmp_path):
    path = put(tmp_path / "a.nii", voxels_of(1))
    header = read_header(path)
    put(path, voxels_of(7))
    with pytest.raises(FileError, match="changed while it was read"):
        Digests().of(header)


def test_a_file_that_is_written_while_its_voxels_are_read_is_refused(tmp_path, monkeypatch):
    path = put(tmp_path / "a.nii", voxels_of(1))
    header = read_header(path)
    read = reading._nifti_voxels

    def disturbed(header):
        found = read(header)
        put(path, voxels_of(7))
        return found

    monkeypatch.setattr(reading, "_nifti_voxels", disturbed)
    with pytest.raises(FileError, match="changed while it was read"):
        read_image(header)


def test_a_header_whose_file_is_written_meanwhile_is_refused(tmp_path, monkeypatch):
    path = put(tmp_path / "a.nii", voxels_of(1))
    read = headers._nifti_header

    def disturbed(*given):
        found = read(*given)
        put(path, voxels_of(7))
        return found

    monkeypatch.setattr(headers, "_nifti_header", disturbed)
    with pytest.raises(FileError, match="changed while it was read"):
        read_header(path)


def test_an_input_replaced_during_a_run_fails_and_poisons_no_store(tmp_path, monkeypatch):
    path = put(tmp_path / "a.nii", voxels_of(1))
    program = f'load a = "{path}"\nprint "max" max(a)\n'
    given = Digests.of

    def then_replaced(self, header):
        digest = given(self, header)
        put(tmp_path / "b.nii", voxels_of(7)).replace(path)
        return digest

    monkeypatch.setattr(Digests, "of", then_replaced)
    run = partial(voxgpu.run, device="cpu", store=tmp_path / "store")
    assert "changed while it was read" in str(run(program, on_error="collect").errors)
    monkeypatch.undo()
    put(path, voxels_of(1))
    assert run(program).values["max"] == 1


def test_a_store_forgets_what_lay_at_a_path_with_the_same_date_and_size(tmp_path):
    path = put(tmp_path / "a.nii", voxels_of(1))
    program = f'load a = "{path}"\nprint "max" max(a)\n'
    run = partial(voxgpu.run, device="cpu", store=tmp_path / "store")
    time.sleep(0.06)  # younger files are not remembered
    assert run(program).values["max"] == 1
    put(path, voxels_of(7))
    assert run(program).values["max"] == 7
