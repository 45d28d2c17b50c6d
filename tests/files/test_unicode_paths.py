"""Names in another Unicode normalization than on the disk are found."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

import voxgpu
from voxgpu.files.access import AllowedRoots
from voxgpu.files.errors import FileError
from voxgpu.files.folder import listing
from voxgpu.files.paths import existing_path
from voxgpu.unicode_paths import on_disk

NAME = "größe-é"
FORMS = [unicodedata.normalize(form, NAME) for form in ("NFC", "NFD")]
PAIRS = [(a, b) for a in FORMS for b in FORMS]


@pytest.fixture(autouse=True)
def telling_apart(tmp_path):
    """Skip on file systems that treat both forms as one name, where nothing needs to be done."""
    (tmp_path / "é").touch()
    if (tmp_path / "e\u0301").exists():
        pytest.skip("the file system takes both spellings for one")


def save(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    voxels = np.full((2, 3, 4), value, np.uint8)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(voxels), str(path))


@pytest.mark.parametrize(("asked", "there"), PAIRS)
@pytest.mark.parametrize("suffix", ["nii.gz", "nrrd"])
def test_programs_load_what_reads_like_the_name(tmp_path, asked, there, suffix):
    save(tmp_path / there / f"{there}.{suffix}", 7)
    path = tmp_path / asked / f"{asked}.{suffix}"
    program = tmp_path / "p.imgql"
    program.write_text(f'load v = "{path}"\nprint "x" max(v)\n', "utf-8")
    (printed,) = voxgpu.run(program, read_roots=[tmp_path / asked]).prints
    assert printed.value == 7


@pytest.mark.parametrize(("asked", "there"), PAIRS)
def test_programs_import_what_reads_like_the_name(tmp_path, asked, there):
    (tmp_path / f"{there}.imgql").write_text("let seven = 7\n", "utf-8")
    program = tmp_path / "p.imgql"
    program.write_text(f'import "{asked}.imgql"\nprint "x" seven\n', "utf-8")
    (printed,) = voxgpu.run(program).prints
    assert printed.value == 7


@pytest.mark.parametrize("asked", FORMS)
def test_the_exact_name_is_preferred(tmp_path, asked):
    for value, name in enumerate(FORMS):
        save(tmp_path / f"{name}.nii", value)
    assert existing_path(tmp_path / f"{asked}.nii") == str(tmp_path / f"{asked}.nii")


def test_a_name_that_reads_like_several_is_none_of_them(tmp_path):
    both, mixed = FORMS[1], unicodedata.normalize("NFD", "größe-") + "é"
    for name in (both, mixed):
        (tmp_path / name).touch()
    assert on_disk(tmp_path / FORMS[0]) == tmp_path / FORMS[0]
    with pytest.raises(FileError, match="no such file"):
        existing_path(tmp_path / FORMS[0])


@pytest.mark.parametrize(("asked", "there"), PAIRS)
def test_folders_and_patterns(tmp_path, asked, there):
    save(tmp_path / there / f"{there}1.nii", 1)
    roots = AllowedRoots((tmp_path / asked,))
    found = listing(tmp_path / asked, f"{asked}*.nii", False, False, roots)
    assert found == [f"{there}1.nii"]


@pytest.mark.parametrize(("asked", "there"), PAIRS)
def test_voxels_beside_a_header_have_the_name_that_it_says(tmp_path, asked, there):
    """The code that reads the voxels uses the exact name only."""
    (tmp_path / f"{there}.raw").write_bytes(bytes(24))
    header = (
        "ObjectType = Image\nNDims = 3\nDimSize = 4 3 2\nElementType = MET_UCHAR\n"
        f"ElementDataFile = {asked}.raw\n"
    )
    (tmp_path / "a.mhd").write_text(header, "utf-8")
    text = f'load v = "{tmp_path / "a.mhd"}"\nprint "x" max(v)\n'
    if asked == there:
        assert voxgpu.run(text).prints[0].value == 0
    else:
        assert any("no such file" in each.message for each in voxgpu.check(text))


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_roots_hold_for_what_is_found(tmp_path, form):
    inside, outside = (tmp_path / unicodedata.normalize(form, name) for name in ("in-é", "out-é"))
    save(outside / "a.nii", 1)
    inside.mkdir()
    (inside / FORMS[1]).symlink_to(outside)
    with pytest.raises(FileError, match="outside"):
        AllowedRoots((inside,)).check_read(tmp_path / "in-é" / FORMS[0] / "a.nii")
