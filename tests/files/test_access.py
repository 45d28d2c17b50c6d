from pathlib import Path

import pytest

import voxgpu
from voxgpu.files.access import AllowedRoots
from voxgpu.files.errors import FileError


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Folders in, out and secret, each with a file a.nii."""
    for name in ("in", "out", "secret", "in-side"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "a.nii").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def roots(place):
    return AllowedRoots(read=(place / "in",), write=(place / "out",))


def refused(check, path, action="read"):
    with pytest.raises(FileError, match=f"outside the folders that this program may {action}"):
        check(path)


def test_without_roots_everything_is_allowed(place):
    AllowedRoots().check_read(place / "secret" / "a.nii")
    AllowedRoots().check_write("/anywhere/at/all.nii")
    AllowedRoots(read=(place / "in",)).check_write(place / "secret" / "a.nii")
    AllowedRoots(write=(place / "out",)).check_read(place / "secret" / "a.nii")


def test_what_lies_within_is_allowed(roots, place):
    roots.check_read(place / "in")
    roots.check_read(place / "in" / "a.nii")
    roots.check_read("in/deep/../a.nii")
    roots.check_read(Path("secret/../in/a.nii"))
    roots.check_read("in/not yet there")
    roots.check_write("out/new/folders/a.nii")


def test_what_lies_without_is_refused(roots, place):
    refused(roots.check_read, place / "secret" / "a.nii")
    refused(roots.check_read, place)
    refused(roots.check_read, "/")
    refused(roots.check_read, "out/a.nii")
    refused(roots.check_write, "in/a.nii", "write")
    refused(roots.check_write, "secret/new.nii", "write")


def test_a_folder_whose_name_begins_alike_lies_without(roots, place):
    refused(roots.check_read, place / "in-side" / "a.nii")


def test_dots_do_not_lead_out(roots):
    refused(roots.check_read, "in/../secret/a.nii")
    refused(roots.check_read, "in/deep/../../secret/a.nii")
    refused(roots.check_write, "out/not there/../../secret/a.nii", "write")


def test_links_are_followed(roots, place):
    (place / "in" / "file.nii").symlink_to(place / "secret" / "a.nii")
    (place / "in" / "folder").symlink_to(place / "secret")
    (place / "in" / "twice").symlink_to("folder")
    (place / "in" / "up").symlink_to("..")
    for path in ("in/file.nii", "in/folder/a.nii", "in/twice/a.nii", "in/up/secret/a.nii"):
        refused(roots.check_read, path)
    refused(roots.check_read, "in/folder/../out/a.nii")  # .. relative to the target of the link
    roots.check_read("in/up/in/a.nii")


def test_a_link_to_what_does_not_exist_yet_is_followed_before_it_is_written(roots, place):
    (place / "out" / "new.nii").symlink_to(place / "secret" / "new.nii")
    refused(roots.check_write, "out/new.nii", "write")


def test_links_within_and_a_root_that_is_a_link_are_fine(place):
    (place / "in" / "link.nii").symlink_to("a.nii")
    (place / "root").symlink_to("in")
    for root in (place / "root", Path("root"), Path("in"), place / "out" / ".." / "in"):
        roots = AllowedRoots(read=(root,))
        roots.check_read("in/link.nii")
        roots.check_read("root/a.nii")
        refused(roots.check_read, "secret/a.nii")


def test_several_roots(place):
    roots = AllowedRoots(read=(place / "in", place / "out"))
    roots.check_read("in/a.nii")
    roots.check_read("out/a.nii")
    refused(roots.check_read, "secret/a.nii")


def test_every_file_of_an_image_is_checked(roots, place):
    roots.check_read_all(["in/a.nii", place / "in" / "deep"])
    refused(roots.check_read_all, ["in/a.nii", "secret/a.nii"])


@pytest.mark.parametrize(
    "roots", [AllowedRoots(), AllowedRoots(read=(Path("in"),), write=(Path("in"),))]
)
def test_names_that_no_file_can_have(place, roots):
    (place / "in" / "loop").symlink_to("loop")
    for check, action in ((roots.check_read, "read"), (roots.check_write, "write")):
        for name in ("in/a\0b.nii", "in/" + "a" * 300, "in/" + "a/" * 3000 + "b", "in/loop"):
            with pytest.raises(FileError) as caught:
                check(name)
            assert caught.value.action == action
            assert "outside" not in caught.value.reason


def test_the_reason_says_where_a_path_leads(roots, place):
    (place / "in" / "link").symlink_to(place / "secret")
    with pytest.raises(FileError) as caught:
        roots.check_read("in/link/a.nii")
    assert str(place / "secret" / "a.nii") in caught.value.reason
    assert str(place / "in") in caught.value.help


def test_programs_outside_the_roots_are_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (outside / "other.imgql").write_text("let one = 1\n")
    monkeypatch.chdir(inside)
    text = f'import "{outside / "other.imgql"}"\nprint "x" one\n'
    with pytest.raises(voxgpu.ImgqlError) as caught:
        voxgpu.run(text, read_roots=[inside])
    (told,) = [each for each in caught.value.diagnostics if each.code == "E108"]
    assert told.message.count("cannot read") == 1
    assert "lies outside the folders" in told.message
