"""NIfTI voxels equal SimpleITK's, bit for bit, wherever SimpleITK is right."""

import gzip
import struct
from dataclasses import replace

import nibabel
import numpy as np
import pytest
import SimpleITK
from nifti_samples import (
    DATATYPES,
    header,
    itk_array,
    random_voxels,
    same_bits,
    scans,
    shared_data,
    write,
)

from voxgpu.files.errors import FileError
from voxgpu.files.header import read_header
from voxgpu.files.options import ReadOptions
from voxgpu.files.read import read_image

SCALINGS = [(0, 0), (1, 0), (2.5, 1.25), (-1, 0), (1e-9, 0), (1, 1e-10), (1, 1e-17)]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("slope", "intercept"), SCALINGS)
@pytest.mark.parametrize("element", DATATYPES)
def test_every_type_byte_order_and_scaling(tmp_path, element, slope, intercept, order):
    voxels = random_voxels(element, 24)
    head = header(datatype=DATATYPES[element], slope=slope, intercept=intercept, order=order)
    stored = voxels.astype(voxels.dtype.newbyteorder(order)).tobytes()
    path = write(tmp_path / "a.nii.gz", head, stored)
    image = read_image(read_header(path))
    assert same_bits(image.array, itk_array(path))
    if (slope, intercept) in ((0, 0), (1, 0)):
        assert same_bits(image.array, voxels.reshape(2, 3, 4))


@pytest.mark.parametrize("scaling", [(np.nan, 3), (np.inf, 0), (0, 3), (0, -1024), (0, np.nan)])
@pytest.mark.parametrize("element", ["int16", "float64"])
def test_a_slope_of_0_or_none_says_that_nothing_is_scaled(tmp_path, element, scaling):
    head = header(datatype=DATATYPES[element], slope=scaling[0], intercept=scaling[1])
    voxels = random_voxels(element, 24)
    image = read_image(read_header(write(tmp_path / "a.nii", head, voxels.tobytes())))
    assert same_bits(image.array, voxels.reshape(2, 3, 4))


def test_an_intercept_that_is_no_number_is_taken_for_0_with_a_warning(tmp_path):
    path = write(tmp_path / "a.nii", header(slope=2, intercept=np.nan), bytes(range(48)))
    result = read_header(path)
    assert "its intercept is nan; 0 was taken" in result.warnings
    assert same_bits(read_image(result).array, itk_array(path))


@pytest.mark.parametrize("slope", [0, 2])
@pytest.mark.parametrize("element", ["float32", "float64"])
def test_numbers_that_are_not_finite_stay_unless_zeros_are_wanted(tmp_path, element, slope):
    voxels = np.array([1, np.nan, np.inf, -np.inf, -0.0, 1e-42], element)
    head = header((3, 2, 1), DATATYPES[element], slope=slope)
    path = write(tmp_path / "a.nii", head, voxels.tobytes())
    image = read_image(read_header(path))
    assert image.array.tobytes() == (voxels * 2 + 0 if slope else voxels).astype(element).tobytes()
    zeros = read_image(read_header(path, ReadOptions(zeros=True)))
    assert zeros.array.tobytes() == itk_array(path).tobytes()
    assert zeros.array.ravel()[1:4].tolist() == [0, 0, 0]


@pytest.mark.parametrize(("datatype", "channels"), [(128, 3), (2304, 4)])
def test_packed_colors(tmp_path, datatype, channels):
    voxels = random_voxels("uint8", 24 * channels)
    path = write(tmp_path / "a.nii", header(datatype=datatype), voxels.tobytes())
    image = read_image(read_header(path))
    assert image.channels == channels
    assert same_bits(image.array, itk_array(path))


@pytest.mark.parametrize(
    ("size", "datatype", "intent"), [((4, 3, 2), 128, 0), ((4, 3, 2, 1, 3), 2, 1007)]
)
def test_scaled_colors_where_simpleitk_reads_beyond_its_memory(tmp_path, size, datatype, intent):
    voxels = random_voxels("uint8", 72)
    head = header(size, datatype, slope=2, intercept=1, intent=intent)
    path = write(tmp_path / "a.nii", head, voxels.tobytes())
    colors = voxels.reshape(2, 3, 4, 3)
    if intent:
        colors = np.moveaxis(voxels.reshape(3, 2, 3, 4), 0, -1)
    image = read_image(read_header(path))
    assert same_bits(image.array, np.ascontiguousarray(colors.astype(np.float32) * 2 + 1))


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("size", [(4, 3, 2), (4, 3, 1)])
def test_vectors_are_stored_component_by_component(tmp_path, size, channels, order):
    count = int(np.prod(size)) * channels
    voxels = random_voxels("int16", count).astype(np.dtype("int16").newbyteorder(order))
    head = header((*size, 1, channels), intent=1007, order=order)
    path = write(tmp_path / "a.nii", head, voxels.tobytes())
    image = read_image(read_header(path))
    assert image.channels == channels
    assert same_bits(image.array, itk_array(path).reshape(image.array.shape))


@pytest.mark.parametrize("suffix", [".hdr", ".img", ".hdr.gz", ".img.gz"])
def test_pairs_of_files(tmp_path, suffix):
    voxels = random_voxels("int16", 24).reshape(2, 3, 4)
    packed = ".gz" if suffix.endswith("gz") else ""
    name = str(tmp_path / f"a.img{packed}")
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(voxels), name)
    result = read_header(tmp_path / f"a{suffix}")
    assert [f.rsplit("/")[-1] for f in result.files] == [f"a.hdr{packed}", f"a.img{packed}"]
    assert same_bits(read_image(result).array, voxels)
    assert result.grid.nifti


@pytest.mark.parametrize("order", "<>")
def test_analyze(tmp_path, order):
    # 2.0 is at the offset of NIfTI's slope; ANALYZE has no slope.
    head = header(magic=bytes(4), voxels_at=0, slope=2.0, order=order)[:348]
    voxels = random_voxels("int16", 24).astype(np.dtype("int16").newbyteorder(order))
    write(tmp_path / "a.hdr", head, b"")
    (tmp_path / "a.img").write_bytes(voxels.tobytes())
    result = read_header(tmp_path / "a.hdr")
    assert same_bits(read_image(result).array, itk_array(tmp_path / "a.hdr"))
    assert result.grid.nifti == b""


@pytest.mark.parametrize("element", ["int16", "float32"])
def test_nifti_2_which_simpleitk_does_not_know(tmp_path, element):
    voxels = random_voxels(element, 24).reshape(4, 3, 2)
    affine = np.array([[0, -2, 0, 5], [1, 0, 0, 6], [0, 0, 3, 7], [0, 0, 0, 1.0]])
    nibabel.save(nibabel.Nifti2Image(voxels, affine), tmp_path / "two.nii.gz")
    nibabel.save(nibabel.Nifti1Image(voxels, affine), tmp_path / "one.nii.gz")
    two, one = (read_header(tmp_path / f"{name}.nii.gz") for name in ("two", "one"))
    assert two.grid.agrees_with(one.grid)
    assert two.grid.nifti == b""
    assert same_bits(read_image(two).array, np.ascontiguousarray(voxels.T))


def test_a_scan_with_extensions(tmp_path):
    image = nibabel.Nifti1Image(np.arange(24, dtype=np.int16).reshape(4, 3, 2), np.eye(4))
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"x" * 1000))
    nibabel.save(image, tmp_path / "a.nii.gz")
    path = tmp_path / "a.nii.gz"
    assert same_bits(read_image(read_header(path)).array, itk_array(path))


def test_a_file_of_the_same_name_without_gz_is_not_read_in_its_place(tmp_path):
    # ITK issue 2243: SimpleITK returns the voxels of a.nii for a.nii.gz.
    write(tmp_path / "a.nii", header(), np.full(24, 1, np.int16).tobytes())
    path = write(tmp_path / "a.nii.gz", header(), np.full(24, 2, np.int16).tobytes())
    assert read_image(read_header(path)).array.max() == 2


def test_what_is_in_a_file_counts_not_whether_its_name_says_gz(tmp_path):
    data = header() + np.arange(24, dtype=np.int16).tobytes()
    (tmp_path / "packed.nii").write_bytes(gzip.compress(data))
    (tmp_path / "plain.nii.gz").write_bytes(data)
    (tmp_path / "Mixed.Nii.Gz").write_bytes(gzip.compress(data))
    for name in ("packed.nii", "plain.nii.gz", "Mixed.Nii.Gz"):
        assert read_image(read_header(tmp_path / name)).array.ravel().tolist() == list(range(24))


def test_a_gzip_file_in_several_members_is_one_file(tmp_path):
    data = header() + np.arange(24, dtype=np.int16).tobytes()
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(data[:370]) + gzip.compress(data[370:]))
    assert read_image(read_header(path)).array.ravel().tolist() == list(range(24))


@pytest.fixture(params=[0, 3_000_000], ids=["voxels", "voxels and more"])
def packed(request):
    # Data behind the voxels must be read too: the gzip checksum comes last.
    voxels = random_voxels("int16", 24000)
    return gzip.compress(header((40, 30, 20)) + voxels.tobytes() + bytes(request.param), 1)


@pytest.mark.parametrize("left", [-1, -4, -8, -9, 0.99, 0.5, 0.1])
def test_truncated_gzip(tmp_path, packed, left):
    path = tmp_path / "a.nii.gz"
    path.write_bytes(packed[: left if left < 0 else int(left * len(packed))])
    with pytest.raises(FileError, match="truncated") as caught:
        read_image(read_header(path))
    assert caught.value.path == str(path)


@pytest.mark.parametrize("at", [0.3, 0.6, -2, -6])
def test_damaged_gzip(tmp_path, packed, at):
    damaged = bytearray(packed)
    damaged[at if at < 0 else int(at * len(packed))] ^= 0x10
    path = tmp_path / "a.nii.gz"
    path.write_bytes(damaged)
    with pytest.raises(FileError, match=r"damaged|truncated"):
        read_image(read_header(path))


def test_gzip_that_ends_after_fewer_voxels_than_the_header_says(tmp_path):
    path = write(tmp_path / "a.nii.gz", header((4, 3, 2)), bytes(46))
    with pytest.raises(FileError, match="truncated: the header promises 48 bytes of voxels"):
        read_image(read_header(path))


@pytest.mark.parametrize("missing", [1, 24, 48])
def test_truncated_nii(tmp_path, missing):
    path = write(tmp_path / "a.nii", header(), bytes(48 - missing))
    message = f"truncated: header promises 400 bytes, file has {400 - missing}"
    with pytest.raises(FileError, match=message):
        read_header(path)


def test_a_file_that_changed_since_its_header_was_read(tmp_path):
    path = write(tmp_path / "a.nii", header())
    before = read_header(path)
    write(path, header((3, 4, 2)))
    with pytest.raises(FileError, match="changed while it was read"):
        read_image(before)
    with pytest.raises(FileError, match="changed since its header was read"):
        read_image(replace(before, states=()))  # without known states
    write(path, header(datatype=512))
    with pytest.raises(FileError, match="changed while it was read"):
        read_image(before)
    with pytest.raises(FileError, match="changed since its header was read"):
        read_image(replace(before, states=()))  # without known states
    path.unlink()
    with pytest.raises(FileError, match="no such file"):
        read_image(before)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_file_that_was_cut_after_its_header_was_read(tmp_path, suffix):
    path = write(tmp_path / f"a{suffix}", header(), random_voxels("int16", 24).tobytes())
    before = read_header(path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(FileError, match="changed while it was read"):
        read_image(before)
    with pytest.raises(FileError, match="truncated"):
        read_image(replace(before, states=()))


def test_real_scans_are_read_as_by_simpleitk():
    for path in [*scans(), shared_data() / "chris_t1.nii.gz"]:
        result = read_header(path)
        image = SimpleITK.ReadImage(str(path))
        assert same_bits(read_image(result).array, SimpleITK.GetArrayFromImage(image))
        assert np.float32(result.grid.spacing).tolist() == list(image.GetSpacing()[::-1])
        assert result.grid.origin == image.GetOrigin()
        assert result.grid.direction == image.GetDirection()


def test_voxels_beyond_the_header_are_ignored(tmp_path):
    path = write(tmp_path / "a.nii.gz", header(), struct.pack("<48h", *range(48)))
    assert read_image(read_header(path)).array.ravel().tolist() == list(range(24))


@pytest.mark.parametrize("size", [(4, 3, 2), (40, 30, 20)])
@pytest.mark.parametrize("tail", [b"GARBAGE!", b"x", bytes(3) + b"GARBAGE!" * 1000])
def test_bytes_after_the_gzip_data_are_ignored(tmp_path, size, tail):
    voxels = random_voxels("int16", int(np.prod(size)))
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(header(size) + voxels.tobytes()) + tail)
    assert read_image(read_header(path)).array.ravel().tolist() == voxels.tolist()
    damaged = bytearray(path.read_bytes())
    damaged[-len(tail) - 6] ^= 0x10
    path.write_bytes(damaged)
    with pytest.raises(FileError, match="damaged"):
        read_image(read_header(path))
