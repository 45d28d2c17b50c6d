"""The results of `dir`, and the folders it may not list."""

from __future__ import annotations

from pathlib import Path

import pytest

from voxgpu.files.access import AllowedRoots
from voxgpu.files.errors import FileError
from voxgpu.files.folder import listing

ANYWHERE = AllowedRoots()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b_flair.nii.gz", "a_flair.nii.gz", "a_seg.nii.gz", "deep/c_flair.nii.gz"):
        path = tmp_path / "cases" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "cases"


def test_names_are_sorted_and_chosen_by_a_pattern(folder: Path) -> None:
    everything = ["a_flair.nii.gz", "a_seg.nii.gz", "b_flair.nii.gz", "deep"]
    assert listing(folder, "*", False, False, ANYWHERE) == everything
    flair = ["a_flair.nii.gz", "b_flair.nii.gz"]
    assert listing(folder, "*_flair.nii.gz", False, False, ANYWHERE) == flair
    assert listing(folder, "nothing*", False, False, ANYWHERE) == []


def test_folders_within_are_looked_into_on_request(folder: Path) -> None:
    found = listing(folder, "*_flair.nii.gz", True, False, ANYWHERE)
    assert found == ["a_flair.nii.gz", "b_flair.nii.gz", "deep/c_flair.nii.gz"]


def test_whole_paths_can_be_opened(folder: Path) -> None:
    for path in listing(folder, "*_flair.nii.gz", True, True, ANYWHERE):
        assert Path(path).is_file()


@pytest.mark.parametrize("pattern", ["../*", "/etc/*", "deep/../../*", ""])
def test_a_pattern_stays_within_the_folder(folder: Path, pattern: str) -> None:
    with pytest.raises(FileError, match="pattern"):
        listing(folder, pattern, False, False, ANYWHERE)


def test_only_folders_that_may_be_read_are_listed(folder: Path) -> None:
    roots = AllowedRoots(read=(folder,))
    assert listing(folder / "deep", "*", False, False, roots) == ["c_flair.nii.gz"]
    with pytest.raises(FileError):
        listing(folder.parent, "*", False, False, roots)
    (folder / "out").symlink_to(folder.parent)
    with pytest.raises(FileError):
        listing(folder / "out", "*", False, False, roots)


def test_what_is_no_folder(folder: Path) -> None:
    for path in (folder / "none", folder / "a_seg.nii.gz"):
        with pytest.raises(FileError, match="not a folder"):
            listing(path, "*", False, False, ANYWHERE)


def test_hidden_names_are_left_out_unless_the_pattern_says_so(folder: Path) -> None:
    for name in ("._a_flair.nii.gz", ".git/x_flair.nii.gz", "deep/._c_flair.nii.gz"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    flair = ["a_flair.nii.gz", "b_flair.nii.gz"]
    assert listing(folder, "*_flair.nii.gz", False, False, ANYWHERE) == flair
    assert listing(folder, "*_flair.nii.gz", True, False, ANYWHERE) == [
        *flair,
        "deep/c_flair.nii.gz",
    ]
    assert listing(folder, "._*", False, False, ANYWHERE) == ["._a_flair.nii.gz"]
    assert listing(folder, ".git/*", False, False, ANYWHERE) == [".git/x_flair.nii.gz"]


def test_what_leads_out_of_the_roots_is_not_listed(folder: Path) -> None:
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "secret.nii").touch()
    (folder / "link").symlink_to(outside)
    (folder / "file.nii").symlink_to(outside / "secret.nii")
    (folder / "inner.nii").symlink_to(folder / "a_seg.nii.gz")
    roots = AllowedRoots(read=(folder,))
    inner = ["a_flair.nii.gz", "a_seg.nii.gz", "b_flair.nii.gz", "deep", "inner.nii"]
    assert listing(folder, "*", False, False, roots) == inner
    assert listing(folder, "*/*", False, False, roots) == ["deep/c_flair.nii.gz"]
    assert listing(folder, "link/*", False, False, roots) == []
    assert listing(folder, "link/*", False, False, ANYWHERE) == ["link/secret.nii"]
