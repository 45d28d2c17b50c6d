import hashlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from nifti_samples import header, write

from voxgpu.files import digest as digesting
from voxgpu.files.digest import Digests, content_digest
from voxgpu.files.header import Header, read_header
from voxgpu.files.problem import FileProblem
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
    """The files that were read to be hashed."""
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


@pytest.mark.parametrize("change", ["content", "date", "inode"])
def test_a_changed_file_is_read_again(tmp_path, hashed, change):
    path = put(tmp_path / "a", b"xy")
    digests = Digests()
    before = digests.of(of_files(path))
    if change == "content":
        put(path, b"other", LONG_AGO)
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
    with pytest.raises(FileProblem, match="no such file or directory") as caught:
        digests.of(of_files(path))
    assert caught.value.path == str(path)
    with pytest.raises(FileProblem):
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
    with pytest.raises(FileProblem, match="being changed"):
        Digests().of(of_files(path))


def test_a_problem_survives_the_way_between_processes():
    problem = FileProblem("a.nii", "it is gone", "look elsewhere", "write")
    copy = pickle.loads(pickle.dumps(problem))
    assert (copy.path, copy.reason, copy.help) == ("a.nii", "it is gone", "look elsewhere")
    assert str(copy) == str(problem) == "cannot write `a.nii`: it is gone"
    assert str(FileProblem("a.nii", "it is gone")) == "cannot read `a.nii`: it is gone"
    assert FileProblem("a.nii", "it is gone").help == ""


def test_a_header_survives_the_way_between_processes(tmp_path):
    result = read_header(write(tmp_path / "a.nii", header()))
    assert pickle.loads(pickle.dumps(result)) == result


def test_the_vocabulary_of_files_is_cheap_to_import():
    code = (
        "import sys; import voxgpu.files.header, voxgpu.files.digest, voxgpu.files.roots, "
        "voxgpu.files.read, voxgpu.files.write; "
        "print(sorted({'SimpleITK', 'PIL', 'isal', 'scipy'} & set(sys.modules)))"
    )
    root = str(Path(__file__).parents[2])
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"
