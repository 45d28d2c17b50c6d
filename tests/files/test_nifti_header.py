import math
import struct

import nibabel
import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st
from nifti_samples import affine, header, rotation, scans, write

from voxgpu.files.header import read_header
from voxgpu.files.nifti import nifti_header, orientation_fields, parse
from voxgpu.files.nifti_geometry import placement
from voxgpu.files.options import ReadOptions
from voxgpu.files.read import read_image
from voxgpu.files.write import write_image
from voxgpu.image import Grid, Image

ORIENTATIONS = {
    "axis-aligned": {},
    "qform only": {"qform": 1, "quaternion": (0.1, 0.2, 0.3), "offset": (5.1, 6.2, 7.3)},
    "sform only": {
        "qform": 0,
        "sform": 2,
        "rows": affine(rotation(0.3, 0.4, 0.5), (1, 2, 3), (9.1, 8, 7)),
    },
    "both, different": {
        "qform": 1,
        "sform": 2,
        "quaternion": (0.1, 0.2, 0.3),
        "rows": affine(rotation(0.3, 0.4, 0.5), (1, 2, 3), (9.1, 8, 7)),
    },
    "flipped": {"qform": 1, "quaternion": (0, 1, 0), "pixdim": (-1, 1, 2, 3, 0, 0, 0, 0)},
    "none": {"qform": 0, "sform": 0, "quaternion": (0.5, 0, 0)},
    "micrometers": {"units": 3, "offset": (1, 2, 3)},
    "time units": {"units": 10},
}
PIXDIM = (1, 1, 2, 3, 0, 0, 0, 0)


def where(raw: bytes) -> list:
    """The orientation as nibabel reads it, bit for bit."""
    fields = nibabel.Nifti1Header(raw[:348], check=False)
    names = [
        "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x",
        "qoffset_y", "qoffset_z", "srow_x", "srow_y", "srow_z", "xyzt_units",
    ]  # fmt: skip
    return [np.asarray(fields[name]).tobytes() for name in names] + [
        np.asarray(fields["pixdim"])[:4].tobytes()
    ]


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_saved_image_has_the_very_bits_of_orientation_it_was_loaded_with(
    tmp_path, orientation, suffix
):
    raw = header(**{"pixdim": PIXDIM, **ORIENTATIONS[orientation]})
    source = write(tmp_path / f"in{suffix}", raw)
    loaded = read_image(read_header(source))
    write_image(tmp_path / "out.nii", Image(loaded.array > 0, loaded.grid))
    assert where((tmp_path / "out.nii").read_bytes()) == where(raw)
    assert read_header(tmp_path / "out.nii").grid == loaded.grid


@pytest.mark.parametrize("qform", range(5))
@pytest.mark.parametrize("sform", range(5))
@pytest.mark.parametrize("handedness", [1.0, -1.0])
def test_every_pair_of_codes_is_kept_and_read_as_by_nibabel(tmp_path, qform, sform, handedness):
    raw = header(
        qform=qform,
        sform=sform,
        pixdim=(handedness, *PIXDIM[1:]),
        quaternion=(0.1, 0.2, 0.3),
        rows=affine(rotation(0.3, 0.4, 0.5), (1, 2, 3), (9, 8, 7)),
    )
    source = write(tmp_path / "in.nii", raw)
    header_read = read_header(source)
    grid, expected = header_read.grid, nibabel.load(source).affine
    assert grid.spacing == PIXDIM[3:0:-1]
    for index in ((0, 0, 0), (1, 2, 3), (1, 0, 3)):
        place = (np.diag([-1, -1, 1, 1]) @ expected @ (*index[::-1], 1))[:3]
        assert grid.position(index) == pytest.approx(place, abs=1e-5)
    assert ("the sform was taken" in "".join(header_read.warnings)) is (qform > 0 and sform > 0)
    write_image(tmp_path / "out.nii", Image(np.zeros(grid.shape, np.float32), grid))
    assert where((tmp_path / "out.nii").read_bytes()) == where(raw)


def test_the_qform_can_be_asked_for_and_is_then_saved(tmp_path):
    raw = header(**ORIENTATIONS["both, different"], pixdim=PIXDIM)
    path = write(tmp_path / "in.nii", raw)
    usual, asked = read_header(path), read_header(path, ReadOptions(nifti_form="qform"))
    assert "the qform was taken (--nifti-form sform takes the other)" in asked.warnings[0]
    assert not usual.grid.agrees_with(asked.grid)
    assert (usual.reading, asked.reading) == ((), ("qform",))
    qform = nibabel.load(path).get_qform()
    assert asked.grid.origin == pytest.approx(np.diag([-1, -1, 1]) @ qform[:3, 3])
    write_image(tmp_path / "out.nii", Image(np.zeros(asked.grid.shape, np.uint8), asked.grid))
    np.testing.assert_allclose(nibabel.load(tmp_path / "out.nii").affine, qform, atol=1e-5)


@pytest.mark.parametrize("moved", [0.009, 0.011])
def test_forms_a_hundredth_of_a_voxel_apart_are_one(tmp_path, moved):
    rows = affine(np.eye(3), origin=(moved, 0, 0))
    result = read_header(write(tmp_path / "a.nii", header(sform=1, rows=rows)))
    assert bool(result.warnings) is (moved > 0.01)


def test_a_sform_of_another_spacing_than_pixdim_is_taken_with_a_warning(tmp_path):
    rows = affine(np.eye(3), (1.2, 1.1, 2.0))
    result = read_header(write(tmp_path / "a.nii", header(qform=0, sform=2, rows=rows)))
    assert result.grid.spacing == (2.0, 1.1, 1.2)
    assert "1.2×1.1×2 mm, its pixdim says 1×1×1 mm; the sform was taken" in result.warnings[0]


SHORT = st.integers(1, 99999).map(lambda n: n / 10000)


@settings(deadline=None, max_examples=60)
@given(st.tuples(SHORT, SHORT, SHORT), st.tuples(*[st.floats(-3, 3)] * 3), st.booleans())
def test_spacings_are_the_decimals_that_float32_rounds(spacing, turns, sform):
    raw = header(
        pixdim=(1, *spacing, 0, 0, 0, 0),
        qform=int(not sform),
        sform=int(sform),
        quaternion=(0.1, 0.2, 0.3),
        rows=affine(rotation(*turns), spacing),
    )
    where_it_is = placement("a.nii", parse(raw))
    assert where_it_is.spacing == spacing
    assert not where_it_is.warnings


def test_fields_of_a_byte_swapped_header_are_normalized():
    little = header(**ORIENTATIONS["both, different"], pixdim=PIXDIM)
    big = header(**ORIENTATIONS["both, different"], pixdim=PIXDIM, order=">")
    assert orientation_fields(big) == orientation_fields(little)
    assert len(orientation_fields(little)) == 93


def test_fields_are_empty_for_what_is_not_nifti_1():
    assert orientation_fields(b"hello") == b""
    assert orientation_fields(bytes(400)) == b""
    assert orientation_fields(header(magic=bytes(4))) == b""  # ANALYZE 7.5
    assert orientation_fields(nibabel.Nifti2Header().binaryblock) == b""


def test_real_scans_keep_their_bits(tmp_path):
    for scan in scans():
        loaded = read_image(read_header(scan))
        write_image(tmp_path / "out.nii.gz", Image(loaded.array > 0, loaded.grid))
        ours, theirs = nibabel.load(tmp_path / "out.nii.gz"), nibabel.load(scan)
        assert where(ours.header.binaryblock) == where(theirs.header.binaryblock)


def test_the_header_has_what_readers_expect():
    grid = Grid.regular((4, 5, 6), (3.0, 2.0, 1.0))
    raw = nifti_header(grid, "int16", 1)
    assert len(raw) == 352
    fields = nibabel.Nifti1Header(raw[:348])  # checks the header
    assert fields.get_data_shape() == (6, 5, 4)
    assert fields.get_data_dtype() == np.int16
    assert (int(fields["vox_offset"]), int(fields["bitpix"])) == (352, 16)
    assert (float(fields["scl_slope"]), float(fields["scl_inter"])) == (1, 0)
    assert (float(fields["cal_max"]), fields["descrip"]) == (0, b"voxgpu")
    assert fields.get_xyzt_units()[0] == "mm"
    assert (int(fields["qform_code"]), int(fields["sform_code"])) == (1, 1)
    assert raw[344:348] == b"n+1\0"
    np.testing.assert_array_equal(fields.get_sform(), np.diag([-1, -2, 3, 1]))
    np.testing.assert_allclose(fields.get_qform(), np.diag([-1, -2, 3, 1]), atol=1e-6)


@pytest.mark.parametrize(
    ("element", "channels", "dim", "datatype", "intent"),
    [
        ("uint8", 3, (3, 6, 5, 4, 1, 1, 1, 1), 128, 0),
        ("uint8", 4, (3, 6, 5, 4, 1, 1, 1, 1), 2304, 0),
        ("float32", 3, (5, 6, 5, 4, 1, 3, 1, 1), 16, 1007),
        ("uint16", 4, (5, 6, 5, 4, 1, 4, 1, 1), 512, 1007),
    ],
)
def test_colors_are_packed_if_they_are_bytes_and_vectors_otherwise(
    element, channels, dim, datatype, intent
):
    raw = nifti_header(Grid.regular((4, 5, 6)), element, channels)
    assert struct.unpack_from("<8h", raw, 40) == dim
    assert struct.unpack_from("<2h", raw, 68) == (intent, datatype)


angles = st.floats(-math.pi, math.pi)


@settings(deadline=None, max_examples=60)
@given(st.tuples(angles, angles, angles), st.tuples(*[st.floats(0.1, 10)] * 3), st.booleans())
def test_the_quaternion_and_the_matrix_say_the_same(turns, spacing, flip):
    direction = rotation(*turns) @ np.diag([1, 1, -1 if flip else 1])
    grid = Grid((2, 3, 4), spacing, (1.5, -2.5, 3.5), tuple(direction.ravel()))
    fields = nibabel.Nifti1Header(nifti_header(grid, "uint8", 1)[:348])
    expected = np.diag([-1, -1, 1]) @ direction * np.array(spacing[::-1])
    np.testing.assert_allclose(fields.get_sform()[:3, :3], expected, atol=1e-5)
    np.testing.assert_allclose(fields.get_qform()[:3, :3], expected, atol=1e-2)
    np.testing.assert_allclose(fields.get_sform()[:3, 3], (-1.5, 2.5, 3.5))


# Half turns, for which a is 0, and quarter turns about each axis.
SPECIAL = [np.diag(d) for d in ([1, -1, -1], [-1, 1, -1], [-1, -1, 1], [1, 1, 1], [-1, -1, -1])] + [
    np.eye(3)[list(order)] for order in ((1, 0, 2), (2, 1, 0), (0, 2, 1), (1, 2, 0), (2, 0, 1))
]


@pytest.mark.parametrize("direction", SPECIAL)
def test_right_angles_are_exact_and_read_back_by_simpleitk(tmp_path, direction):
    grid = Grid((3, 4, 5), (3.0, 2.0, 1.5), (1.0, 2.0, 3.0), tuple(map(float, direction.ravel())))
    write_image(tmp_path / "out.nii", Image(np.zeros((3, 4, 5), np.float32), grid))
    image = SimpleITK.ReadImage(str(tmp_path / "out.nii"))
    assert image.GetDirection() == grid.direction
    assert read_header(tmp_path / "out.nii").grid.agrees_with(grid)
    fields = nibabel.load(tmp_path / "out.nii").header
    np.testing.assert_allclose(fields.get_qform(), fields.get_sform(), atol=1e-5)


def test_an_oblique_grid_reads_back_as_well_as_32_bit_numbers_allow(tmp_path):
    direction = tuple(rotation(0.3, 0.4, 0.5).ravel())
    grid = Grid((155, 240, 240), (1.1, 0.9, 0.8), (-90.1, 120.2, 33.3), direction)
    write_image(tmp_path / "out.nii.gz", Image(np.zeros(grid.shape, bool), grid))
    assert grid.displacement(read_header(tmp_path / "out.nii.gz").grid) < 1e-4


@pytest.mark.parametrize(
    "direction", [(1.0, 0.0, 0.0, 1.0), (0.0, 1.0, -1.0, 0.0), (-1.0, 0.0, 0.0, 1.0)]
)
def test_a_2d_grid_reads_back(tmp_path, direction):
    grid = Grid((3, 4), (2.0, 1.5), (5.0, 6.0), direction)
    write_image(tmp_path / "out.nii", Image(np.zeros((3, 4), bool), grid))
    assert struct.unpack_from("<h", (tmp_path / "out.nii").read_bytes(), 40) == (2,)
    image = SimpleITK.ReadImage(str(tmp_path / "out.nii"))
    assert (image.GetSize(), image.GetDirection()) == ((4, 3), direction)
    assert read_header(tmp_path / "out.nii").grid.agrees_with(grid)


def test_parse_knows_both_versions_and_analyze():
    assert parse(header()).version == 1
    assert parse(header(magic=bytes(4))).version == 0
    assert parse(nibabel.Nifti2Header().binaryblock).version == 2
    assert parse(b"x" * 600) is None
    assert parse(b"") is None
