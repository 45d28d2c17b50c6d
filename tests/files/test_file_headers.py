import shlex
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
from nifti_samples import affine, header, itk, rotation, write

from voxgpu.files.errors import FileError
from voxgpu.files.header import read_header
from voxgpu.files.read import read_image

SAGITTAL = affine([[0, 0, 1], [1, 0, 0], [0, 1, 0]], origin=(1, 2, 3))


def problem(path) -> FileError:
    with pytest.raises(FileError) as caught:
        read_header(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value) == f"cannot read `{caught.value.path}`: {caught.value.reason}"
    for noise in ("ITK", "0x", ".cxx", "Exception"):
        assert noise not in caught.value.reason.replace("SimpleITK reads", "")
    return caught.value


def save(array, path, **options):
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(array, **options), str(path))
    return path


def test_what_a_header_says(tmp_path):
    path = write(tmp_path / "a.nii.gz", header((4, 3, 2), pixdim=(1, 1, 2, 3, 0, 0, 0, 0)))
    result = read_header(path)
    assert (result.path, result.files) == (str(path), (str(path),))
    assert (result.grid.shape, result.grid.spacing) == ((2, 3, 4), (3.0, 2.0, 1.0))
    assert (result.element, result.channels, result.bytes) == ("int16", 1, 48)


def test_paths_are_absolute_and_folders_resolved_but_a_link_keeps_its_name(tmp_path, monkeypatch):
    blob = write(tmp_path / "blob.nii", header())
    blob.rename(tmp_path / "blob")
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "scan.nii").symlink_to("../blob")
    (tmp_path / "linked").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    result = read_header(Path("linked/../linked/scan.nii"))
    assert result.path == str(tmp_path / "real" / "scan.nii")
    assert read_image(result).array.shape == (2, 3, 4)


SIZES = {
    (6, 4): (4, 6),
    (6, 4, 1): (1, 4, 6),
    (6, 4, 3): (3, 4, 6),
    (6, 4, 3, 1): (3, 4, 6),
    (6, 4, 3, 1, 1, 1, 1): (3, 4, 6),
    (1, 6, 4): (4, 6, 1),
    (6, 1, 4): (4, 1, 6),
    (1, 1, 5): (5, 1, 1),
    (1, 1, 1): (1, 1, 1),
    (7, 1): (1, 7),
}


@pytest.mark.parametrize("size", SIZES)
def test_axes_of_one_voxel_are_axes_and_dropped_beyond_three(tmp_path, size):
    spacing = (1, 1.5, 2, 2.5, 3, 1, 1, 1)
    voxels = np.arange(np.prod(size), dtype=np.int16)
    path = write(tmp_path / "a.nii", header(size, pixdim=spacing), voxels.tobytes())
    result = read_header(path)
    assert result.grid.shape == SIZES[size]
    assert read_image(result).array.ravel().tolist() == voxels.tolist()


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_slice_has_the_thickness_and_the_place_that_simpleitk_says(tmp_path, axis, suffix):
    size = tuple(1 if each == axis else 4 + each for each in range(3))
    made = SimpleITK.Image(size, SimpleITK.sitkUInt8)
    made.SetSpacing((1.5, 2.0, 2.5))
    made.SetOrigin((5.0, -6.0, 7.0))
    made.SetDirection(rotation(0.3, 0.4, 0.5).ravel())
    SimpleITK.WriteImage(made, str(tmp_path / f"a{suffix}"))
    grid, expected = read_header(tmp_path / f"a{suffix}").grid, itk(tmp_path / f"a{suffix}")
    assert grid.shape == expected.GetSize()[::-1]
    assert grid.spacing == (2.5, 2.0, 1.5)
    assert grid.origin == pytest.approx(expected.GetOrigin(), abs=1e-5)
    assert grid.direction == pytest.approx(expected.GetDirection(), abs=1e-6)


def test_a_slice_over_time_is_several_slices_and_no_volume(tmp_path):
    found = read_header(write(tmp_path / "a.nii", header((6, 4, 1, 3)), bytes(144)))
    assert (found.grid.shape, found.volumes) == ((1, 4, 6), 3)


def test_a_plane_that_leaves_no_direction_gets_the_identity(tmp_path):
    path = write(tmp_path / "a.nii", header((6, 4), qform=0, sform=1, rows=SAGITTAL))
    assert read_header(path).grid.direction == (1.0, 0.0, 0.0, 1.0)


SHEARED = np.array([[1.0, 0, 0], [0.05, 1.0, 0], [0, 0, 1.0]]).T


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_sheared_axes_are_refused_with_the_command_that_straightens_them(tmp_path, suffix):
    made = SimpleITK.GetImageFromArray(np.ones((5, 6, 7), np.uint8))
    made.SetDirection(SHEARED.ravel())
    path = tmp_path / f"it's sheared{suffix}"
    SimpleITK.WriteImage(made, str(path))
    caught = problem(path)
    assert caught.reason == "its axes are sheared: 2.86° off a right angle"
    command = caught.help.split(": ", 1)[1].replace("python", shlex.quote(sys.executable), 1)
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    assert read_header(tmp_path / "it's sheared_straight.nii.gz").grid.shape == (5, 6, 7)


@pytest.mark.parametrize("direction", [(2, 0, 0, 0, 1, 0, 0, 0, 1), (0.9, 0, 0, 0, 1, 0, 0, 0, 1),
                                       (0, 1.1, 1, 0)])  # fmt: skip
def test_directions_that_stretch_voxels_are_refused(tmp_path, direction):
    # Distances follow from the spacing, not from the distance of these points.
    rank = 3 if len(direction) == 9 else 2
    made = SimpleITK.GetImageFromArray(np.ones((5, 6, 7)[:rank], np.uint8))
    made.SetDirection(direction)
    SimpleITK.WriteImage(made, str(tmp_path / "a.mha"))
    assert "in place of 1" in problem(tmp_path / "a.mha").reason


@pytest.mark.slow
@pytest.mark.parametrize("qform", [0, 1])
@pytest.mark.parametrize("permissive", ["", "1"])
def test_a_sheared_sform_is_refused_whatever_the_environment(
    tmp_path, qform, permissive, monkeypatch
):
    monkeypatch.setenv("ITK_NIFTI_SFORM_PERMISSIVE", permissive)
    head = header(qform=qform, sform=1, rows=(1, 0.3, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0))
    caught = problem(write(tmp_path / "a.nii", head))
    assert caught.reason == "its axes are sheared: 16.7° off a right angle"
    assert ("--nifti-form qform" in caught.help) is bool(qform)
    if not qform:
        command = caught.help.split(": ", 1)[1].replace("python", shlex.quote(sys.executable), 1)
        subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
        assert read_header(tmp_path / "a_straight.nii.gz").grid.dimensions == 3


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_four_dimensions(tmp_path, suffix):
    volumes = [SimpleITK.GetImageFromArray(np.full((4, 5, 6), n, np.int16)) for n in range(2)]
    path = tmp_path / f"it's four{suffix}"
    SimpleITK.WriteImage(SimpleITK.JoinSeries(volumes), str(path))
    caught = problem(path)
    assert caught.reason == "it has 4 dimensions (6×5×4×2); images here have 2 or 3"
    assert f"fslroi {shlex.quote(str(path))} " in caught.help
    command = caught.help.split(", or ")[1].replace("python", shlex.quote(sys.executable), 1)
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    assert read_header(tmp_path / "it's four_0.nii.gz").grid.shape == (4, 5, 6)


def test_one_dimension(tmp_path):
    assert problem(write(tmp_path / "a.nii", header((24,)))).reason.startswith("it has 1 dim")


@pytest.mark.slow
@pytest.mark.parametrize("channels", [2, 5])
def test_channels_that_are_no_colors(tmp_path, channels):
    path = save(np.zeros((4, 5, 6, channels), np.float32), tmp_path / "a.nrrd", isVector=True)
    caught = problem(path)
    assert f"{channels} channels" in caught.reason
    command = caught.help.split(": ", 1)[1].replace("python", shlex.quote(sys.executable), 1)
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    assert read_header(tmp_path / "one.nii.gz").grid.shape == (4, 5, 6)


@pytest.mark.parametrize("suffix", [".nrrd", ".nii"])
def test_complex_numbers(tmp_path, suffix):
    path = save(np.zeros((4, 5, 6), np.complex64), tmp_path / f"a{suffix}")
    assert "complex" in problem(path).reason


DAMAGE = {
    "negative size": (header((4, 3, -2)), "there are -2 voxels along z"),
    "size zero": (header((0, 3, 2)), "there are 0 voxels along x"),
    "no dimensions": (header(rank=0), "0 dimensions"),
    "negative dimensions": (header(rank=-3), "-3 dimensions"),
    "nine dimensions": (header(rank=9), "9 dimensions"),
    "spacing zero": (header(pixdim=(1, 1, 0, 1, 0, 0, 0, 0)), "spacing along y is 0"),
    "spacing NaN": (header(pixdim=(1, np.nan, 1, 1, 0, 0, 0, 0)), "spacing along x is nan"),
    "spacing infinite": (header(pixdim=(1, 1, 1, np.inf, 0, 0, 0, 0)), "spacing along z is inf"),
    "spacing minus infinite": (
        header(pixdim=(1, 1, 1, -np.inf, 0, 0, 0, 0)),
        "spacing along z is -inf",
    ),
    "no such type": (header(datatype=77), "unknown type 77"),
    "single bits": (header(datatype=1), "single bits"),
    "128-bit": (header(datatype=1536), "128-bit floating-point"),
    "complex": (header(datatype=32), "complex numbers"),
    "matrices": (header((4, 3, 2, 1, 1), intent=1005), "matrices"),
    "voxels nowhere": (header(voxels_at=np.nan), "voxels begin at byte nan"),
    "no direction": (header(qform=0, sform=1, rows=(0,) * 12), "do not span space"),
    "origin NaN": (
        header(offset=(np.nan, 0, 0)),
        "places voxels at positions that are not finite",
    ),
    "sform NaN": (
        header(sform=1, rows=(np.nan,) * 12),
        "its sform places voxels at positions that are not finite",
    ),
    "vector of 6": (header((4, 3, 1, 1, 2, 3), intent=1007), "6 dimensions"),
    "vector of 2": (header((4, 3, 1, 1, 2), intent=1007), "2 channels"),
}


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_nifti_headers(tmp_path, damage, suffix):
    head, reason = DAMAGE[damage]
    path = write(tmp_path / f"a{suffix}", head, bytes(1000))
    assert reason in problem(path).reason


def test_an_axis_of_one_voxel_without_a_spacing_is_1_mm_thick_with_a_warning(tmp_path):
    path = write(tmp_path / "a.nii", header((6, 4, 1), pixdim=(1, 1, 2, 0, 0, 0, 0, 0)))
    result = read_header(path)
    assert result.grid.spacing == (1.0, 2.0, 1.0)
    assert result.warnings == ("it says that its one voxel along z is 0 mm; 1 was taken",)
    assert not result.grid.nifti


ODD = {
    "negative spacing": (header(sform=1, pixdim=(1, -1, 1, 1, 0, 0, 0, 0)), "spacing is -1×1×1 mm"),
    "no spacing": (header(sform=1, pixdim=(0,) * 8), "spacing is 0×0×0 mm"),
    "no time": (header((4, 3, 2, 0)), "0 voxels along t"),
    "pair in one": (header(magic=b"ni1\0"), "voxels are in another file"),
    "offset 0": (header(voxels_at=0), "begin at byte 0, within the header; byte 352"),
    "offset 100": (header(voxels_at=100), "begin at byte 100, within the header; byte 352"),
    "offset 348": (header(voxels_at=348), "begin at byte 348, within the header; byte 352"),
    "no forms": (header(qform=0), "no sform and no qform"),
    "sform of no use": (header(sform=1, rows=(0,) * 12), "sform do not span space; the qform"),
}


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("oddity", ODD)
def test_odd_headers_are_read_with_a_warning(tmp_path, oddity, suffix):
    head, said = ODD[oddity]
    path = write(tmp_path / f"a{suffix}", head, np.arange(24, dtype=np.int16).tobytes())
    result = read_header(path)
    assert said in "".join(result.warnings)
    assert result.grid.spacing == (1.0, 1.0, 1.0)
    assert read_image(result).array.ravel().tolist() == list(range(24))


def test_voxels_that_follow_the_bare_header(tmp_path):
    voxels = np.arange(24, dtype=np.int16).tobytes()
    path = write(tmp_path / "a.nii", header(voxels_at=348)[:348], voxels)
    assert read_image(read_header(path)).array.ravel().tolist() == list(range(24))


def test_a_single_file_that_is_named_like_a_pair(tmp_path):
    write(tmp_path / "a.hdr", header())
    (tmp_path / "a.img").write_bytes(bytes(48))
    assert "rename it to .nii" in problem(tmp_path / "a.hdr").reason


@pytest.mark.parametrize(("name", "missing"), [("a.hdr", "a.img"), ("a.img", "a.hdr")])
def test_a_pair_of_which_one_is_missing(tmp_path, name, missing):
    write(tmp_path / name, header(magic=b"ni1\0"))
    assert f"should be in `{tmp_path / missing}`" in problem(tmp_path / name).reason


def test_a_header_that_claims_terabytes(tmp_path):
    huge = header((32767, 32767, 32767))
    plain = problem(write(tmp_path / "a.nii", huge)).reason
    assert plain == "truncated: header promises 70,362,301,923,678 bytes, file has 400"
    packed = problem(write(tmp_path / "a.nii.gz", huge)).reason
    assert packed.startswith("the header claims 70,362,301,923,326 bytes of voxels, but")
    little = problem(write(tmp_path / "b.nii.gz", header((100, 100, 100)))).reason
    assert little.startswith("the header claims 2,000,000 bytes of voxels, but")


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
def test_an_nrrd_that_claims_terabytes(tmp_path, encoding):
    path = tmp_path / "a.nrrd"
    path.write_bytes(
        b"NRRD0004\ntype: short\ndimension: 3\nsizes: 99999 99999 99999\nendian: little\n"
        b"encoding: " + encoding.encode() + b"\n\n" + bytes(100)
    )
    assert "truncated" in problem(path).reason or "claims" in problem(path).reason


def test_a_png_that_claims_gigabytes(tmp_path):
    path = save(np.zeros((4, 4), np.uint8), tmp_path / "a.png")
    data = bytearray(path.read_bytes())
    struct.pack_into(">2I", data, 16, 60000, 60000)
    struct.pack_into(">I", data, 29, zlib.crc32(data[12:29]))
    path.write_bytes(data)
    assert "claims 3,600,000,000 bytes" in problem(path).reason


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha", "a.png", "a", "a.hdr"])
def test_files_that_are_no_images(tmp_path, name):
    (tmp_path / "a.img").touch()
    path = tmp_path / name
    path.write_text("Dear reader, this is not an image – but it is long enough. " * 20, "utf-8")
    assert problem(path).reason == "it is not an image but a text file"
    path.write_bytes(b"")
    assert problem(path).reason == "the file is empty"
    path.write_bytes(bytes(range(256)) * 4)
    reason = problem(path).reason
    assert reason.startswith(
        (
            "not an image in any format that SimpleITK reads",
            "it has no NIfTI header, although its name says so",
            "its header is damaged or ambiguous",
        )
    )
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    assert "Git LFS" in problem(path).reason


def test_gzip_that_ends_within_the_header(tmp_path):
    path = write(tmp_path / "a.nii.gz", header())
    path.write_bytes(path.read_bytes()[:30])
    assert problem(path).reason == "truncated: the file ends within its header"
    path.write_bytes(b"\x1f\x8bgarbage that is no gzip at all")
    assert "gzip data is damaged" in problem(path).reason


@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize("signs", [(-1, 1, 1), (1, -1, -1), (-1, -1, -1)])
def test_negative_spacings_without_an_sform_are_lengths_as_for_nibabel(tmp_path, code, signs):
    lengths = (1.5, 2.5, 3.5)
    rotated = nibabel.eulerangles.euler2mat(0.1, 0.2, 0.3) @ np.diag(lengths)
    image = nibabel.Nifti1Image(
        np.zeros((2, 3, 4), np.int16), nibabel.affines.from_matvec(rotated, (5, 6, 7))
    )
    image.set_sform(None, 0)
    image.set_qform(image.affine, code)
    nibabel.save(image, tmp_path / "whole.nii")
    data = bytearray((tmp_path / "whole.nii").read_bytes())
    struct.pack_into("<3f", data, 80, *np.multiply(lengths, signs))
    path = tmp_path / "a.nii"
    path.write_bytes(data)
    found = read_header(path)
    columns = np.array(found.grid.direction).reshape(3, 3) * found.grid.spacing[::-1]
    ours = np.diag([-1.0, -1, 1, 1]) @ nibabel.affines.from_matvec(columns, found.grid.origin)
    assert np.allclose(ours, nibabel.load(path).affine, atol=1e-5)
    told = [each for each in found.warnings if "was taken" in each and "spacing" in each]
    assert len(told) == sum(sign < 0 for sign in signs)
    assert found.grid.nifti == b""
