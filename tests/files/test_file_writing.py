import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
from nifti_samples import itk, itk_array, random_voxels, same_bits, scans
from PIL import Image as Picture

from voxgpu.files.errors import FileError
from voxgpu.files.formats import FORMATS
from voxgpu.files.header import read_header
from voxgpu.files.read import read_image
from voxgpu.files.write import unsupported_reason, write_image
from voxgpu.image import Grid, Image
from voxgpu.types import Content

ELEMENTS = [
    "bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64",
    "float32", "float64",
]  # fmt: skip
# There are no boolean colors.
ELEMENTS_AND_CHANNELS = [("bool", 1), *[(e, c) for e in ELEMENTS[1:] for c in (1, 3, 4)]]
VOLUME_SUFFIXES = [".nii", ".nii.gz", ".nrrd", ".mha"]
SUFFIXES = [*VOLUME_SUFFIXES, ".png", ".jpg", ".bmp", ".tif"]
GRIDS = {
    2: Grid((5, 6), (2.5, 1.5), (7.0, 8.0), (0.0, 1.0, -1.0, 0.0)),
    3: Grid(
        (4, 5, 6), (3.5, 2.5, 1.5), (7.0, 8.0, 9.0), (0.0, 1.0, 0.0, 0.0, 0.0, -1.0, -1.0, 0.0, 0.0)
    ),
}


def sample(element, grid, channels=1, seed=0) -> Image:
    shape = grid.shape + (channels,) * (channels > 1)
    if element == "bool":
        return Image(random_voxels("uint8", int(np.prod(shape)), seed).reshape(shape) > 127, grid)
    return Image(random_voxels(element, int(np.prod(shape)), seed).reshape(shape), grid)


def expected(image: Image) -> np.ndarray:
    """The voxels after saving, as documented."""
    if image.element == np.bool_:
        return image.array.astype(np.uint8)
    return image.array.astype(np.float32) if image.element == np.float64 else image.array


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def problem(path, image) -> FileError:
    with pytest.raises(FileError) as caught:
        write_image(path, image)
    assert caught.value.path == str(path)
    assert str(caught.value) == f"cannot write `{path}`: {caught.value.reason}"
    assert "\n" not in str(caught.value)
    assert ".part" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("suffix", VOLUME_SUFFIXES)
@pytest.mark.parametrize(("element", "channels"), ELEMENTS_AND_CHANNELS)
def test_volumes_survive(tmp_path, element, suffix, dimensions, channels):
    image = sample(element, GRIDS[dimensions], channels)
    path = tmp_path / f"out{suffix}"
    assert write_image(path, image).warnings == ()
    assert names(tmp_path) == [path.name]
    assert same_bits(itk_array(path), expected(image))
    read = read_image(read_header(path))
    if read.grid.thin_axis == 0:  # NIfTI has vectors in 3-D only
        assert dimensions == 2 and channels > 1 and element != "uint8" and ".nii" in suffix
        read = Image(read.array.squeeze(0), read.grid.without_axis(0))
    assert same_bits(read.array, expected(image))
    assert read.grid.agrees_with(image.grid)
    assert itk(path).GetDirection() == image.grid.direction


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("suffix", [".tif", ".TIFF"])
@pytest.mark.parametrize(("element", "channels"), ELEMENTS_AND_CHANNELS)
def test_tiff_survives_where_it_can(tmp_path, element, suffix, dimensions, channels):
    image = sample(element, GRIDS[dimensions], channels)
    path = tmp_path / f"out{suffix}"
    if element in ("int64", "uint64"):
        assert "TIFF holds integers of up to 32 bits" in problem(path, image).reason
        image = Image(image.array >> np.array(40, element), image.grid)
        assert len(write_image(path, image).warnings) == (dimensions == 3)
        assert np.array_equal(read_image(read_header(path)).array, image.array)
        return
    warnings = write_image(path, image).warnings  # a volume loses its geometry
    assert ["no place for" in each for each in warnings] == [True] * (dimensions == 3)
    wanted = expected(image) * (255 if element == "bool" and dimensions == 2 else 1)
    assert np.array_equal(itk_array(path), wanted)
    assert np.array_equal(read_image(read_header(path)).array, wanted)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".jpg", ".jpeg", ".PNG"])
@pytest.mark.parametrize(("element", "channels"), ELEMENTS_AND_CHANNELS)
def test_pictures(tmp_path, element, suffix, channels):
    image = sample("uint8", GRIDS[2], channels)
    image = Image(
        image.array > 127 if element == "bool" else image.array.astype(element), image.grid
    )
    path = tmp_path / f"out{suffix}"
    if channels == 4 and suffix != suffix.upper() and suffix != ".png":
        assert "no alpha channel" in problem(path, image).reason
        return
    if element == "int8":
        assert "were clipped" in write_image(path, image).warnings[0]
    else:
        assert write_image(path, image).warnings == ()
    wanted = image.array * 255 if element == "bool" else np.maximum(image.array, 0)
    wanted = wanted.astype(np.uint8)
    saved = np.asarray(Picture.open(path))
    assert saved.dtype == np.uint8
    if suffix.startswith(".j"):
        assert saved.shape == wanted.shape
        assert np.abs(saved.astype(int) - wanted).mean() < 20
    else:
        assert np.array_equal(saved, wanted)
    assert read_header(path).grid.shape == (5, 6)


def test_numbers_in_pictures_are_rounded_half_to_even_and_clipped_with_a_count(tmp_path):
    values = [0.5, 1.5, 2.5, -0.4, -7, 255.4, 300, np.nan, np.inf, -np.inf, 254.5, 255]
    image = Image(np.array([values], np.float32), Grid.regular((1, 12)))
    warnings = write_image(tmp_path / "a.png", image).warnings
    path = tmp_path / "a.png"
    assert warnings == (f"`{path}` holds 0 to 255: 7 of 12 voxels lay outside and were clipped",)
    saved = np.asarray(Picture.open(path)).ravel().tolist()
    assert saved == [0, 2, 2, 0, 0, 255, 255, 0, 255, 0, 254, 255]


def test_a_clipped_color_counts_once(tmp_path):
    colors = np.array([[[300, -1, 5], [1, 2, 3]]], np.int16)
    colors = Image(colors, Grid.regular((1, 2)))
    (warning,) = write_image(tmp_path / "a.png", colors).warnings
    assert "1 of 2 voxels" in warning


@pytest.mark.parametrize(
    ("least", "greatest", "element"),
    [(0, 65535, "uint16"), (0, 65536, "int32"), (-1, 5, "int32"), (0, 0, "uint16")],
)
def test_labels_are_16_bits_where_they_fit(tmp_path, least, greatest, element):
    labels = np.array([[[least, greatest]]], np.int32)
    write_image(tmp_path / "a.nrrd", Image(labels, Grid.regular((1, 1, 2))))
    assert itk_array(tmp_path / "a.nrrd").dtype == element
    assert itk_array(tmp_path / "a.nrrd").ravel().tolist() == [least, greatest]
    write_image(tmp_path / "b.nrrd", Image(labels, Grid.regular((1, 1, 2))), labels=False)
    assert itk_array(tmp_path / "b.nrrd").dtype == np.int32


def test_float64_beyond_float32_becomes_infinite_without_a_warning(tmp_path, recwarn):
    image = Image(np.array([[1e300, 1.0]]), Grid.regular((1, 2)))
    write_image(tmp_path / "a.nrrd", image)
    assert itk_array(tmp_path / "a.nrrd").tolist() == [[np.inf, 1.0]]
    assert not recwarn.list


def test_arrays_in_any_memory_order(tmp_path):
    image = sample("int16", GRIDS[3])
    for array in (
        np.asfortranarray(image.array),
        image.array[::-1, :, ::-1],
        image.array.astype(">i2"),
    ):
        write_image(tmp_path / "a.nii.gz", Image(array, image.grid))
        assert np.array_equal(itk_array(tmp_path / "a.nii.gz"), array)


def test_equal_images_give_equal_files(tmp_path):
    image = sample("int16", GRIDS[3])
    write_image(tmp_path / "a.nii.gz", image)
    write_image(tmp_path / "other name.nii.gz", image)
    data = (tmp_path / "a.nii.gz").read_bytes()
    assert data == (tmp_path / "other name.nii.gz").read_bytes()
    assert data[4:8] == bytes(4)  # no date
    assert len(gzip.decompress(data)) == 352 + image.array.nbytes


def test_nibabel_reads_what_we_write(tmp_path):
    for element in ELEMENTS[1:]:
        image = sample(element, GRIDS[3])
        write_image(tmp_path / "a.nii.gz", image)
        loaded = nibabel.load(tmp_path / "a.nii.gz")
        assert np.array_equal(np.asarray(loaded.dataobj), expected(image).T)


def test_real_scans_survive_and_stay_small(tmp_path):
    for scan in [path for path in scans() if "flair" in path.name]:
        image = read_image(read_header(scan))
        write_image(tmp_path / "a.nii.gz", image)
        again = read_image(read_header(tmp_path / "a.nii.gz"))
        assert same_bits(again.array, image.array)
        assert again.grid == image.grid
        SimpleITK.WriteImage(itk(scan), str(tmp_path / "b.nii.gz"))
        theirs = (tmp_path / "b.nii.gz").stat().st_size
        assert (tmp_path / "a.nii.gz").stat().st_size < 1.05 * theirs


def test_folders_are_made_and_files_replaced(tmp_path):
    path = tmp_path / "a" / "b" / "out.nii.gz"
    write_image(path, sample("uint8", GRIDS[3]))
    write_image(path, sample("int16", GRIDS[3]))
    assert read_header(path).element == "int16"
    assert names(path.parent) == ["out.nii.gz"]


def test_long_and_foreign_names(tmp_path):
    for name in ("ü" * 120 + ".nii.gz", "a b'c\"d.nrrd", "日本語.mha", ".b.nii", "x.png.tif"):
        path = tmp_path / "folder" / name
        write_image(path, sample("uint8", GRIDS[2]))
        assert read_header(path).grid.shape == (5, 6)
        assert names(path.parent) == [name]
        path.unlink()


def test_more_voxels_along_an_axis_than_nifti_can_count(tmp_path):
    image = Image(np.zeros((1, 40000), bool), Grid.regular((1, 40000)))
    assert "at most 32767 voxels" in problem(tmp_path / "a.nii.gz", image).reason
    write_image(tmp_path / "a.nrrd", image)
    assert read_header(tmp_path / "a.nrrd").grid.shape == (1, 40000)


BOOLEAN, NUMBER, COLOR = Content.BOOLEAN, Content.NUMBER, Content.COLOR


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".jpeg", ".tiff", ".NII.GZ", ".Png"])
@pytest.mark.parametrize("content", [BOOLEAN, NUMBER])
def test_2d_images_are_fine_everywhere(suffix, content):
    assert unsupported_reason(Path(f"a{suffix}"), content, 2, 1) is None


@pytest.mark.parametrize(
    ("name", "content", "dimensions", "channels", "words"),
    [
        ("out", NUMBER, 3, 1, ["no suffix", "`out.nii.gz`", ".nrrd"]),
        ("out.nifti", NUMBER, 3, 1, ["`.nifti` is not", "`out.nii"]),
        ("out.gz", NUMBER, 3, 1, ["`.gz` is not", "`out.nii.gz`"]),
        ("out.pgn", NUMBER, 2, 1, ["`out.png`"]),
        ("out.nhdr", NUMBER, 3, 1, ["`.nhdr` is not", "`out.nrrd`"]),
        ("out.mhd", NUMBER, 3, 1, ["`.mhd` is not", "`out.mha`"]),
        ("out.png", BOOLEAN, 3, 1, ["3-D", "`out.nii.gz`"]),
        ("out.jpg", COLOR, 3, 3, ["3-D"]),
        ("out.jpg", COLOR, 2, 4, ["JPEG has no alpha", "`out.png`"]),
        ("out.bmp", COLOR, 2, 4, ["BMP has no alpha"]),
    ],
)
def test_what_cannot_be_saved_is_known_before(tmp_path, name, content, dimensions, channels, words):
    reason = unsupported_reason(Path(name), content, dimensions, channels)
    assert all(word in reason for word in words), reason
    image = sample("bool" if content is BOOLEAN else "uint8", GRIDS[dimensions], channels)
    assert problem(tmp_path / name, image).reason == reason
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha", "a.tif"])
def test_colors_and_alpha_of_volumes_are_fine(name):
    assert unsupported_reason(Path(name), COLOR, 3, 4) is None


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_holds_what_its_row_says(suffix: str, tmp_path: Path) -> None:
    """Of each element type, a 2-D image and, where it holds them, a volume and four channels."""
    form = FORMATS[suffix]
    shapes = [(2, 3)] if form.is_picture else [(2, 3), (4, 2, 3)]
    for shape in shapes:
        grid = Grid.regular(shape)
        for element in form.elements:
            voxels = np.arange(np.prod(shape)).reshape(shape).astype(element)
            if form.is_picture and element == "uint16":
                voxels *= 256
            written = write_image(tmp_path / f"v{suffix}", Image(voxels, grid), labels=False)
            found = SimpleITK.ReadImage(str(tmp_path / f"v{suffix}"))
            assert written.warnings == ()
            if form.writer != "pillow":  # JPEG is lossy, and ITK reads BMP as colors
                assert np.array_equal(SimpleITK.GetArrayFromImage(found), voxels), element
                assert SimpleITK.GetArrayFromImage(found).dtype == voxels.dtype
    colors = Image(np.full((2, 3, 4), 7, np.uint8), Grid.regular((2, 3)))
    if form.has_alpha:
        write_image(tmp_path / f"c{suffix}", colors)
        found = SimpleITK.ReadImage(str(tmp_path / f"c{suffix}"))
        assert np.array_equal(SimpleITK.GetArrayFromImage(found), colors.array)
    else:
        with pytest.raises(FileError, match=f"{form.name} has no alpha channel"):
            write_image(tmp_path / f"c{suffix}", colors)
