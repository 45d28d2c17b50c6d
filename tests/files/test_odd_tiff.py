"""TIFF files that ITK misreads, and TIFF files whose pages are not slices."""

import numpy as np
import pytest
import tifffile
from nifti_samples import same_bits

from voxgpu.files.errors import FileError
from voxgpu.files.header import read_header
from voxgpu.files.read import read_image
from voxgpu.files.write import write_image
from voxgpu.image import Grid, Image

VOLUME = np.random.default_rng(0).integers(0, 1000, (6, 20, 33)).astype(np.uint16)
BYTES = VOLUME.astype(np.uint8)


def written(path, voxels, **options):
    options.setdefault("photometric", "minisblack")
    tifffile.imwrite(path, voxels, **options)
    return path


def voxels(path):
    header = read_header(path)
    image = read_image(header)
    assert image.array.dtype.name == header.element
    assert image.array.flags.c_contiguous
    return image.array


def refusal(path):
    with pytest.raises(FileError) as caught:
        read_image(read_header(path))
    return caught.value


@pytest.mark.parametrize(
    ("stored", "options", "expected"),
    [
        (VOLUME.astype(np.float16), {}, VOLUME.astype(np.float32)),
        (VOLUME, {"tile": (16, 16)}, VOLUME),
        (VOLUME[0], {"tile": (16, 16)}, VOLUME[0]),
        (BYTES, {"tile": (16, 16)}, BYTES),
        (VOLUME, {"tile": (16, 16), "compression": "zlib", "predictor": True}, VOLUME),
        (VOLUME, {"tile": (16, 16), "byteorder": ">"}, VOLUME),
        (VOLUME, {"tile": (16, 16, 16), "volumetric": True}, VOLUME),
        (VOLUME.astype(np.float64), {}, VOLUME.astype(np.float64)),
        (VOLUME.astype(np.int64), {}, VOLUME.astype(np.int64)),
        (VOLUME > 500, {}, (VOLUME > 500).astype(np.uint8)),
        (VOLUME[0] > 500, {"photometric": "miniswhite"}, (VOLUME[0] <= 500).astype(np.uint8)),
        (VOLUME, {"imagej": True, "metadata": {"axes": "ZYX"}}, VOLUME),
        (VOLUME, {"ome": True, "metadata": {"axes": "ZYX"}}, VOLUME),
        (VOLUME, {"metadata": {"truncate": True}}, VOLUME),
        (VOLUME, {}, VOLUME),
        (
            BYTES[:3],
            {"photometric": "rgb", "planarconfig": "separate"},
            np.ascontiguousarray(np.moveaxis(BYTES[:3], 0, -1)),
        ),
    ],
)
def test_voxels_are_those_that_were_written(tmp_path, stored, options, expected):
    assert same_bits(voxels(written(tmp_path / "a.tif", stored, **options)), expected)


@pytest.mark.parametrize(
    ("stored", "options", "reason"),
    [
        (
            np.stack([VOLUME, VOLUME], 1),
            {"imagej": True, "metadata": {"axes": "ZCYX"}},
            "2 channels",
        ),
        ([VOLUME, VOLUME], {"imagej": True, "metadata": {"axes": "TZYX"}}, "2 time points"),
        ([VOLUME, VOLUME], {"ome": True, "metadata": {"axes": "CZYX"}}, "2 channels"),
        ([VOLUME, VOLUME], {"ome": True, "metadata": {"axes": "TZYX"}}, "2 time points"),
        ([VOLUME, VOLUME], {}, "2 volumes"),
        (np.moveaxis(VOLUME[:2], 0, -1), {"planarconfig": "contig"}, "2 channels"),
        (VOLUME.astype(np.complex64), {}, "complex"),
    ],
)
def test_pages_that_are_no_slices_of_one_image(tmp_path, stored, options, reason):
    assert reason in refusal(written(tmp_path / "a.tif", np.asarray(stored), **options)).reason


def test_the_spacing_within_slices_is_read(tmp_path):
    options = {"resolution": (50, 25), "resolutionunit": "CENTIMETER"}
    path = written(tmp_path / "a.tif", VOLUME, tile=(16, 16), **options)
    assert read_header(path).grid.spacing == pytest.approx((1, 0.4, 0.2))


def test_a_tile_that_is_missing(tmp_path):
    path = written(tmp_path / "a.tif", VOLUME, tile=(16, 16))
    path.write_bytes(path.read_bytes()[:-1000])
    assert "truncated" in refusal(path).reason


def test_what_tiff_has_no_place_for_is_told(tmp_path):
    scan = Image(VOLUME, Grid.regular(VOLUME.shape, (3.0, 0.5, 0.5)))
    told = write_image(tmp_path / "a.tif", scan).warnings
    assert ["the 3 mm between slices" in each for each in told] == [True]
    one = Image(VOLUME, Grid.regular(VOLUME.shape, (1.0, 0.5, 0.5)))
    assert write_image(tmp_path / "a.tif", one).warnings == ()
    assert write_image(tmp_path / "a.nrrd", scan).warnings == ()
    slice = Image(VOLUME[0], Grid.regular(VOLUME.shape[1:], (0.5, 0.5)))
    assert write_image(tmp_path / "b.tif", slice).warnings == ()
