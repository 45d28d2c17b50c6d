"""Formats read by SimpleITK, and damage that SimpleITK does not notice."""

import locale
import struct
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK
from nifti_samples import itk_array, random_voxels, same_bits
from PIL import Image as Picture

from voxgpu.files.errors import FileError
from voxgpu.files.header import read_header
from voxgpu.files.read import read_image

VOLUME = random_voxels("int16", 10 * 20 * 30).reshape(10, 20, 30)


def save(array, path, compress=False, **options):
    image = SimpleITK.GetImageFromArray(array, **options)
    if array.ndim == 3 and not options:
        image.SetSpacing((1.5, 2.5, 3.5))
        image.SetOrigin((4, 5, 6))
    SimpleITK.WriteImage(image, str(path), compress)
    return path


def problem(path) -> FileError:
    with pytest.raises(FileError) as caught:
        read_image(read_header(path))
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".mhd", ".nhdr", ".tif", ".gipl", ".mrc"])
def test_volumes(tmp_path, suffix, compress):
    path = save(VOLUME, tmp_path / f"a{suffix}", compress)
    header = read_header(path)
    assert same_bits(read_image(header).array, VOLUME)
    if suffix != ".tif":
        assert (header.grid.spacing, header.grid.origin) == ((3.5, 2.5, 1.5), (4.0, 5.0, 6.0))


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".mhd", ".nhdr", ".gipl", ".mrc", ".vtk"])
def test_truncated_volumes(tmp_path, suffix, compress):
    path = save(VOLUME, tmp_path / f"a{suffix}", compress)
    for other in sorted(tmp_path.iterdir(), key=lambda file: file.stat().st_size)[-1:]:
        whole = other.read_bytes()
        # Compressed data ends with a length and a checksum, which not every reader needs.
        for missing in (9, 200, len(whole) // 2):
            other.write_bytes(whole[:-missing])
            reason = problem(path).reason
            assert any(w in reason for w in ("truncated", "incomplete", "damaged", "expected"))


@pytest.mark.parametrize("suffix", [".mha", ".mhd"])
def test_damaged_metaimages_of_which_simpleitk_says_nothing(tmp_path, suffix):
    path = save(VOLUME, tmp_path / f"a{suffix}", True)
    packed = max(tmp_path.iterdir(), key=lambda file: file.stat().st_size)
    data = bytearray(packed.read_bytes())
    data[len(data) // 2] ^= 0x10
    packed.write_bytes(data)
    assert "damaged" in problem(path).reason


@pytest.mark.parametrize(("suffix", "named"), [(".mhd", "a.raw"), (".nhdr", "a.raw")])
def test_detached_voxels_belong_to_the_files_of_an_image(tmp_path, suffix, named):
    path = save(VOLUME, tmp_path / f"a{suffix}")
    assert read_header(path).files == (str(path), str(tmp_path / named))
    (tmp_path / named).unlink()
    assert f"should be in `{tmp_path / named}`: no such file" in problem(path).reason


def test_voxels_in_a_list_of_files(tmp_path):
    for index, voxels in enumerate(VOLUME):
        (tmp_path / f"s{index:02}.raw").write_bytes(voxels.tobytes())
    common = "type: short\ndimension: 3\nsizes: 30 20 10\nendian: little\nencoding: raw\n"
    listed = "\n".join(f"s{i:02}.raw" for i in range(10))
    (tmp_path / "list.nhdr").write_text(f"NRRD0004\n{common}data file: LIST\n{listed}\n")
    (tmp_path / "pattern.nhdr").write_text(f"NRRD0004\n{common}data file: s%02d.raw 0 9 1\n")
    fields = "NDims = 3\nDimSize = 30 20 10\nElementType = MET_SHORT\nElementDataFile ="
    (tmp_path / "list.mhd").write_text(f"{fields} LIST\n{listed}\n")
    (tmp_path / "pattern.mhd").write_text(f"{fields} s%02d.raw 0 9 1\n")
    names = [str(tmp_path / f"s{i:02}.raw") for i in range(10)]
    for name in ("list.nhdr", "pattern.nhdr", "list.mhd", "pattern.mhd"):
        header = read_header(tmp_path / name)
        assert header.files == (str(tmp_path / name), *names)
        assert same_bits(read_image(header).array, VOLUME)
    (tmp_path / "s05.raw").write_bytes(b"short")
    for name in ("list.nhdr", "pattern.nhdr", "list.mhd", "pattern.mhd"):
        assert "truncated" in problem(tmp_path / name).reason


@pytest.mark.parametrize(
    "fields", ["ElementDataFile = s%d%s.raw 0 9 1", "ElementDataFile = s%q 1 2"]
)
def test_nonsense_in_a_metaimage_header(tmp_path, fields):
    path = tmp_path / "a.mhd"
    path.write_text(
        f"NDims = 3\nDimSize = 3 2 1\nElementType = MET_SHORT\nHeaderSize = x\n{fields}\n"
    )
    assert "no pattern of file names" in problem(path).reason


PICTURES = [
    ("uint8", 1), ("uint8", 3), ("uint8", 4), ("uint16", 1), ("uint16", 3), ("uint16", 4),
]  # fmt: skip


@pytest.mark.parametrize(
    ("suffix", "element", "channels"),
    [(suffix, *kind) for suffix in (".png", ".tif") for kind in PICTURES]
    + [(".jpg", "uint8", 1), (".jpg", "uint8", 3)],
)
def test_pictures(tmp_path, suffix, element, channels):
    voxels = random_voxels(element, 20 * 30 * channels).reshape((20, 30, channels))
    voxels = voxels[..., 0] if channels == 1 else voxels
    path = save(np.ascontiguousarray(voxels), tmp_path / f"a{suffix}", isVector=channels > 1)
    header = read_header(path)
    assert (header.element, header.channels, header.grid.shape) == (element, channels, (20, 30))
    image = read_image(header)
    assert image.array.flags.c_contiguous
    assert same_bits(image.array, itk_array(path))
    if suffix != ".jpg":
        assert same_bits(image.array, np.ascontiguousarray(voxels))


def test_the_spacing_of_a_picture_is_what_simpleitk_says(tmp_path):
    image = SimpleITK.GetImageFromArray(np.zeros((4, 5), np.uint8))
    image.SetSpacing((0.25, 0.5))
    SimpleITK.WriteImage(image, str(tmp_path / "a.png"))
    assert read_header(tmp_path / "a.png").grid.spacing == (0.5, 0.25)


def test_a_picture_with_a_palette_and_one_of_bits(tmp_path):
    bits = random_voxels("uint8", 600).reshape(20, 30) > 127
    Picture.fromarray(bits).save(tmp_path / "bits.png")
    header = read_header(tmp_path / "bits.png")
    assert header.element == "uint8"
    assert np.array_equal(read_image(header).array > 0, bits)
    Picture.fromarray(bits).convert("P").save(tmp_path / "palette.png")
    assert read_image(read_header(tmp_path / "palette.png")).array.shape[:2] == (20, 30)


def test_gray_with_alpha_is_not_understood(tmp_path):
    Picture.new("LA", (5, 4)).save(tmp_path / "a.png")
    assert "type that cannot be used" in problem(tmp_path / "a.png").reason


@pytest.mark.parametrize("missing", [1, 2, 20, 0.5, 0.95])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif"])
def test_truncated_pictures(tmp_path, suffix, missing):
    voxels = random_voxels("uint8", 20 * 30 * 3).reshape(20, 30, 3)
    path = save(voxels, tmp_path / f"a{suffix}", isVector=True)
    whole = path.read_bytes()
    path.write_bytes(whole[: -missing if missing >= 1 else int(len(whole) * (1 - missing))])
    assert "truncated" in problem(path).reason


@pytest.mark.parametrize(
    ("form", "compression"), [("TIFF", None), ("TIFF", "tiff_lzw"), ("BigTIFF", None)]
)
def test_a_tiff_with_several_pages(tmp_path, form, compression):
    pages = [Picture.fromarray(page.astype(np.uint16)) for page in VOLUME]
    path = tmp_path / "a.tif"
    pages[0].save(
        path,
        save_all=True,
        append_images=pages[1:],
        compression=compression,
        big_tiff=form == "BigTIFF",
    )
    assert same_bits(read_image(read_header(path)).array, VOLUME.astype(np.uint16))
    whole = path.read_bytes()
    assert struct.unpack_from("<H", whole, 2)[0] == (43 if form == "BigTIFF" else 42)
    for left in (0.95, 0.5, 0.2):  # SimpleITK would silently return fewer slices
        path.write_bytes(whole[: int(left * len(whole))])
        assert "truncated" in problem(path).reason


def test_a_jpeg_is_whole_although_its_thumbnail_or_a_trailer_may_mislead(tmp_path):
    path = tmp_path / "a.jpg"
    picture = Picture.fromarray(random_voxels("uint8", 600).reshape(20, 30))
    picture.save(path, quality=90, comment=b"\xff\xda thumbnail \xff\xd9")
    whole = path.read_bytes()
    path.write_bytes(whole + b"a trailer")
    assert read_image(read_header(path)).array.shape == (20, 30)
    path.write_bytes(whole[:-30])
    assert "truncated" in problem(path).reason


def test_a_progressive_jpeg(tmp_path):
    path = tmp_path / "a.jpg"
    Picture.fromarray(random_voxels("uint8", 600).reshape(20, 30)).save(path, progressive=True)
    assert same_bits(read_image(read_header(path)).array, itk_array(path))


def test_an_image_that_changed_since_its_header_was_read(tmp_path):
    path = save(VOLUME, tmp_path / "a.nrrd")
    header = read_header(path)
    save(VOLUME[:5], path)
    with pytest.raises(FileError, match="changed while it was read"):
        read_image(header)
    with pytest.raises(FileError, match="changed since its header was read"):
        read_image(replace(header, states=()))
    save(VOLUME.astype(np.float32), path)
    with pytest.raises(FileError, match="changed while it was read"):
        read_image(header)
    with pytest.raises(FileError, match="changed since its header was read"):
        read_image(replace(header, states=()))
    path.unlink()
    with pytest.raises(FileError, match="no such file"):
        read_image(header)


def test_pages_of_a_tiff_that_differ(tmp_path):
    # SimpleITK reads every page into memory sized for the first.
    pages = [Picture.new("L", (30, 20)), Picture.new("L", (31, 20)), Picture.new("L", (30, 20))]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    assert "pages differ" in problem(tmp_path / "a.tif").reason
    path = save(VOLUME, tmp_path / "b.tif")
    data = path.read_bytes()
    kind = struct.pack("<2HII", 254, 4, 1, 2)  # of every page; ITK fails if they differ
    assert data.count(kind) == 10
    path.write_bytes(data.replace(kind, struct.pack("<2HII", 254, 4, 1, 0), 1))
    assert "pages differ" in problem(path).reason


def test_a_thumbnail_among_the_pages_of_a_tiff(tmp_path):
    path = save(VOLUME, tmp_path / "a.tif")
    data = path.read_bytes()
    page, thumbnail = (struct.pack("<2HII", 254, 4, 1, kind) for kind in (2, 1))
    # SimpleITK would write the following pages beyond the end of its memory.
    path.write_bytes(data.replace(page, thumbnail, 1))
    assert "thumbnails" in problem(path).reason
    last = data.rindex(page)
    path.write_bytes(data[:last] + thumbnail + data[last + len(page) :])
    assert same_bits(read_image(read_header(path)).array, VOLUME[:9])


def test_a_bmp_of_runs_which_simpleitk_unpacks_beyond_its_end(tmp_path):
    path = tmp_path / "a.bmp"
    Picture.new("L", (30, 20)).save(path)
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, 30, 1)
    path.write_bytes(data)
    assert "save it as PNG" in problem(path).reason


def test_a_metaimage_of_more_dimensions_than_metaio_has_room_for(tmp_path):
    path = save(VOLUME, tmp_path / "a.mha")
    path.write_bytes(path.read_bytes().replace(b"NDims = 3", b"NDims = 93"))
    assert "93 dimensions" in problem(path).reason


@pytest.mark.parametrize("left", [None, 150])
def test_the_locale_stays_although_simpleitk_changes_it_for_vtk(tmp_path, left):
    before = locale.setlocale(locale.LC_ALL)
    path = save(VOLUME, tmp_path / "a.vtk")
    path.write_bytes(path.read_bytes()[:left])
    if left:
        assert problem(path).reason
    else:
        assert same_bits(read_image(read_header(path)).array, VOLUME)
    assert locale.setlocale(locale.LC_ALL) == before


def test_axes_that_do_not_span_space(tmp_path):
    path = save(VOLUME, tmp_path / "a.mha")
    data = path.read_bytes().replace(b"1 0 0 0 1 0 0 0 1", b"1 0 0 1 0 0 0 0 1")
    path.write_bytes(data)
    assert "do not span space" in problem(path).reason


def test_a_damaged_text_header_is_not_taken_for_a_mere_text(tmp_path):
    path = save(VOLUME, tmp_path / "a.mhd")
    path.write_bytes(path.read_bytes().replace(b"DimSize", b"DimSice"))
    assert "MetaImage header" in problem(path).reason
    path = save(VOLUME, tmp_path / "a.nhdr")
    path.write_bytes(path.read_bytes().replace(b"a.raw", b""))
    assert "\n" not in problem(path).reason


def test_voxels_of_a_type_that_cannot_be_used_come_with_help(tmp_path):
    path = tmp_path / "a.png"
    Picture.fromarray(np.zeros((4, 5, 2), np.uint8), "LA").save(path)
    found = problem(path)
    assert "of a type that cannot be used" in found.reason
    assert "gray with alpha" in found.help and "one channel" in found.help
