"""Every frame of DICOM files is checked: correct voxels at correct positions, or a reason."""

import highdicom
import numpy as np
import pydicom
import pytest
from generated_scans import _dicom, _group
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import JPEGLSLossless, RLELossless

from voxgpu.files import dicom_pixels
from voxgpu.files import read as reading
from voxgpu.files.errors import FileError
from voxgpu.files.header import read_header
from voxgpu.files.read import read_image

STORED = np.random.default_rng(0).integers(0, 1000, (6, 5, 4)).astype(np.uint16)
AXIAL = (1, 0, 0, 0, 1, 0)


def write(folder, stored=STORED, prefix="a", start=0, change=lambda one, k: None, uid="1.2.3"):
    """Write one file per slice, axial, 2 mm apart; ``change`` alters a data set before saving."""
    folder.mkdir(exist_ok=True)
    for k, plane in enumerate(stored):
        one = _dicom(uid, "1.2.840.10008.5.1.4.1.1.4", *plane.shape, plane.dtype.kind == "i")
        one.FrameOfReferenceUID = "1.2.9"
        one.ImagePositionPatient = [0, 0, 2.0 * (start + k)]
        one.ImageOrientationPatient = list(AXIAL)
        one.PixelSpacing, one.SliceThickness = [1, 1], 2
        one.PixelData = plane.tobytes() + b"\0" * (plane.nbytes % 2)
        change(one, k)
        one.save_as(folder / f"{prefix}{k}.dcm", enforce_file_format=True)
    return folder


def setting(**values):
    """A function that sets elements of slice k, from values or from functions of k."""

    def change(one, k):
        for name, value in values.items():
            setattr(one, name, value(k) if callable(value) else value)

    return change


def enhanced(path, zs, stored=STORED, **labels):
    """Write one multi-frame file; labels are functions of the frame, stored in FrameContent."""
    one = _dicom("1.2.3", "1.2.840.10008.5.1.4.1.1.4.1", *stored.shape[1:], False)
    one.NumberOfFrames = len(stored)
    shared = Dataset()
    shared.PixelMeasuresSequence = _group(PixelSpacing=[0.9, 0.9], SliceThickness=5)
    shared.PlaneOrientationSequence = _group(ImageOrientationPatient=list(AXIAL))
    one.SharedFunctionalGroupsSequence = Sequence([shared])
    frames = []
    for k, z in enumerate(zs):
        frame = Dataset()
        frame.PlanePositionSequence = _group(ImagePositionPatient=[0, 0, z])
        content = {name: value(k) for name, value in labels.items()}
        frame.FrameContentSequence = _group(StackID="1", **content)
        frames.append(frame)
    one.PerFrameFunctionalGroupsSequence = Sequence(frames)
    one.PixelData = stored.tobytes()
    one.save_as(path, enforce_file_format=True)
    return path


def voxels(path):
    header = read_header(path)
    image = read_image(header)
    assert image.array.dtype.name == header.element
    return image.array


def refusal(path):
    with pytest.raises(FileError) as caught:
        read_header(path)
    return caught.value


@pytest.mark.parametrize(
    ("slopes", "intercepts", "element"),
    [
        ([1, 0.5, 2, 1, 1, 1], [0] * 6, "float32"),
        ([1] * 5 + [100], [0] * 6, "uint32"),
        ([1] * 6, [0] + [-1024] * 5, "int32"),
        ([1] * 6, [0, 0, 0, 0, 0, 0.25], "float32"),
        ([1] * 6, [0] * 6, "uint16"),
        ([-1] * 6, [0] * 6, "int32"),
    ],
)
def test_every_slice_has_its_own_scale(tmp_path, slopes, intercepts, element):
    change = setting(RescaleSlope=slopes.__getitem__, RescaleIntercept=intercepts.__getitem__)
    found = voxels(write(tmp_path / "s", change=change))
    expected = STORED * np.array(slopes)[:, None, None] + np.array(intercepts)[:, None, None]
    assert found.dtype.name == element
    assert np.array_equal(found, expected.astype(np.float32))


def test_signed_slices_after_unsigned_ones(tmp_path):
    signed = STORED[3:].astype(np.int16) - 500
    folder = write(tmp_path / "s", STORED[:3] + np.uint16(60000))
    write(folder, signed, "b", start=3)
    expected = np.concatenate([STORED[:3].astype(np.int64) + 60000, signed])
    assert np.array_equal(voxels(folder), expected)


def test_a_volume_is_that_of_highdicom(tmp_path):
    change = setting(RescaleSlope=lambda k: 1 + k / 4, RescaleIntercept=-3)
    folder = write(tmp_path / "s", change=change)
    files = [pydicom.dcmread(each) for each in folder.iterdir()]
    theirs = highdicom.get_volume_from_series(files)
    header = read_header(folder)
    assert header.grid.spacing == theirs.spacing
    # The volumes of highdicom may be reversed along each axis.
    corner = theirs.affine @ [0, 0, theirs.shape[2] - 1 if theirs.affine[0, 2] < 0 else 0, 1]
    assert header.grid.origin[:2] == pytest.approx(corner[:2])
    assert np.sort(voxels(folder).ravel()) == pytest.approx(np.sort(theirs.array.ravel()))


def test_bits_that_are_not_of_the_number_are_left_out(tmp_path):
    twelve = setting(BitsStored=12, HighBit=11)
    assert np.array_equal(voxels(write(tmp_path / "s", STORED | 0x4000, change=twelve)), STORED)


def test_a_table_says_what_numbers_mean(tmp_path):
    table = np.arange(1000, dtype=np.uint16) * 60 + 7

    def change(one, _):
        item = Dataset()
        item.LUTDescriptor, item.ModalityLUTType = [1000, 0, 16], "US"
        item.add_new(0x00283006, "OW", table.tobytes())
        one.ModalityLUTSequence = Sequence([item])

    found = voxels(write(tmp_path / "s", change=change))
    assert np.array_equal(found, table[STORED])


def test_frames_are_sorted_and_have_their_real_spacing(tmp_path):
    order = [3, 0, 5, 1, 4, 2]
    path = enhanced(tmp_path / "a.dcm", [2.5 * k for k in order], STORED[order])
    header = read_header(path)
    assert (header.grid.spacing, header.grid.origin) == ((2.5, 0.9, 0.9), (0, 0, 0))
    assert header.files == (str(path),)
    assert np.array_equal(voxels(path), STORED)


def test_frames_that_a_file_numbers_downwards_stay_so(tmp_path):
    path = enhanced(
        tmp_path / "a.dcm", [-2.0 * k for k in range(6)], InStackPositionNumber=lambda k: k + 1
    )
    assert np.array_equal(voxels(path), STORED)
    assert read_header(path).grid.direction == (1, 0, 0, 0, 1, 0, 0, 0, -1)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda k: {"ImagePositionPatient": [0, 0.3 * k, 2.0 * k]}, "8.531° off the normal"),
        (lambda k: {"ImagePositionPatient": [0, 0.5 * (k == 3), 2.0 * k]}, "lies 0.5 mm beside"),
        (lambda k: {"ImagePositionPatient": [0, 0, 2.0 * k + 2 * (k > 3)]}, "1 is missing, the"),
        (lambda k: {"ImagePositionPatient": [0, 0, 1.1**k]}, "uneven distances"),
        (lambda k: {"PixelSpacing": [1, 1.1 if k > 3 else 1]}, "4 of 1×1, 2 of 1.1×1 mm"),
        (
            lambda k: {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1] if k > 3 else list(AXIAL)},
            "4 of axial (0, 0, 1), 2 of coronal (0, 1, 0)",
        ),
        (
            lambda k: {
                "ImageOrientationPatient": [np.cos(k / 4), np.sin(k / 4), 0, 0, 0, -1],
            },
            "radial slices",
        ),
        (lambda k: {"ImageOrientationPatient": [1, 0, 0, 0.1, 0.995, 0]}, "sheared"),
        (lambda k: {"ImageOrientationPatient": [2, 0, 0, 0, 2, 0]}, "no direction"),
        (lambda k: {"ImagePositionPatient": None}, "do not tell where they lie"),
        (lambda k: {"ImagePositionPatient": [0, 0, k // 2]}, "lie at 3 places, 2 at each"),
        (
            lambda k: {"ImagePositionPatient": [0, 0, k // 2], "EchoTime": [10, "10.0", 20][k % 2]},
            "lie at 3 places, 2 at each",
        ),
        (
            lambda k: {"ImagePositionPatient": [0, 0, k // 2], "EchoTime": 10 * (1 + k % 2)},
            "2 volumes, told apart by EchoTime: 3 of echo time 10, 3 of echo time 20",
        ),
        (lambda k: {"EchoTime": 10 * (1 + k // 3)}, "told apart by EchoTime"),
        (lambda k: {"ImageType": ["ORIGINAL", "PRIMARY", "MP"[k // 3]]}, "3 of component phase"),
        (lambda k: {"ImageType": ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]}, "mosaics"),
        (lambda k: {"SOPInstanceUID": "1.2.5"}, "the same DICOM slice twice"),
        (lambda k: {"HighBit": 14}, "end at bit 14"),
        (lambda k: {"RescaleSlope": "nan"}, "damaged"),
        (lambda k: {"Rows": 60000}, "truncated"),
    ],
)
def test_what_is_no_volume_is_refused(tmp_path, change, reason):
    folder = write(tmp_path / "s", change=lambda one, k: setting(**change(k))(one, k))
    caught = refusal(folder)
    assert reason in caught.reason


def test_slices_of_two_sizes(tmp_path):
    folder = write(tmp_path / "s")
    write(folder, STORED[:, :3], "b", start=6)
    assert "2 sizes: 6 of 4×5, 6 of 4×3" in refusal(folder).reason


@pytest.mark.parametrize(
    ("zs", "labels", "reason"),
    [
        ([0, 2, 4, 8, 10, 12], {}, "1 is missing, the first after slice 3"),
        ([0, 2, 4] * 2, {"TemporalPositionIndex": lambda k: 1 + k // 3}, "2 volumes"),
        ([0, 0, 2, 2, 4, 4], {"TemporalPositionIndex": lambda k: 1 + k % 2}, "2 volumes"),
        ([0, 2, 4] * 2, {}, "6 DICOM slices lie at 3 places"),
    ],
)
def test_frames_that_are_no_volume_are_refused(tmp_path, zs, labels, reason):
    caught = refusal(enhanced(tmp_path / "a.dcm", zs, **labels))
    assert reason in caught.reason
    assert "dcm2niix" in caught.help


def test_frames_that_are_not_described(tmp_path):
    path = enhanced(tmp_path / "a.dcm", [0.0, 2, 4, 6, 8])
    assert "describes 5; frames are missing" in refusal(path).reason


def test_frames_without_a_place_are_no_z(tmp_path):
    path = tmp_path / "cine.dcm"
    one = _dicom("1.2.3", "1.2.840.10008.5.1.4.1.1.3.1", *STORED.shape[1:], False)
    one.NumberOfFrames, one.PixelData = len(STORED), STORED.tobytes()
    one.save_as(path, enforce_file_format=True)
    assert "6 DICOM frames do not tell where they lie" in refusal(path).reason


def test_a_dose_is_scaled_and_placed_by_its_offsets(tmp_path):
    path = tmp_path / "dose.dcm"
    one = _dicom("1.2.3", "1.2.840.10008.5.1.4.1.1.481.2", *STORED.shape[1:], False)
    one.NumberOfFrames, one.PixelData, one.DoseGridScaling = len(STORED), STORED.tobytes(), 0.01
    one.ImagePositionPatient, one.ImageOrientationPatient = [1, 2, 3], list(AXIAL)
    one.PixelSpacing, one.GridFrameOffsetVector = [1, 1], [3.0 * k for k in range(6)]
    one.save_as(path, enforce_file_format=True)
    grid = read_header(path).grid
    assert (grid.spacing, grid.origin) == ((3, 1, 1), (1, 2, 3))
    assert np.array_equal(voxels(path), (STORED * 0.01).astype(np.float32))


def test_a_single_picture_without_a_place_is_told(tmp_path):
    folder = write(tmp_path / "s", STORED[:1], change=setting(ImagePositionPatient=None))
    header = read_header(folder)
    assert header.grid.shape == (1, 5, 4)
    assert any("where its slice lies" in each for each in header.warnings)


def without_decoders(monkeypatch):
    """Read in this process, with pydicom's decoders removed."""
    monkeypatch.setattr(dicom_pixels, "_has_decoder", lambda syntax: False)
    monkeypatch.setattr(reading, "read_isolated", lambda path, within, call, *given: call(*given))


@pytest.mark.parametrize(("syntax", "decoder"), [(RLELossless, True), (JPEGLSLossless, False)])
def test_compressed_voxels(tmp_path, monkeypatch, syntax, decoder):
    if not decoder:  # SimpleITK decodes what pydicom cannot
        without_decoders(monkeypatch)

    def change(one, k):
        one.RescaleSlope, one.RescaleIntercept = 1 + k, -1
        one.compress(syntax)

    folder = write(tmp_path / "s", STORED[:2], change=change)
    expected = STORED[:2].astype(int) * np.array([1, 2])[:, None, None] - 1
    assert np.array_equal(voxels(folder), expected)


def test_damaged_compressed_voxels_end_in_a_message(tmp_path, monkeypatch):
    without_decoders(monkeypatch)

    def change(one, k):
        one.compress(JPEGLSLossless)
        one.PixelData = one.PixelData[:20] + b"\xff" * (len(one.PixelData) - 20)

    header = read_header(write(tmp_path / "s", STORED[:1], change=change))
    with pytest.raises(FileError, match="compressed voxels"):
        read_image(header)


def test_other_files_in_a_folder_are_left_out(tmp_path):
    folder = write(tmp_path / "s")
    (folder / "notes.txt").write_text("hello")
    (folder / ".hidden.dcm").write_bytes((folder / "a0.dcm").read_bytes())
    report = _dicom("1.2.3", "1.2.840.10008.5.1.4.1.1.88.11", 1, 1, False)
    del report.Rows, report.Columns
    report.save_as(folder / "report.dcm", enforce_file_format=True)
    assert read_header(folder).files == tuple(str(folder / f"a{k}.dcm") for k in range(6))


def test_a_series_within_a_folder_is_pointed_at(tmp_path):
    write(tmp_path / "t1")
    caught = refusal(tmp_path)
    assert caught.help == f"DICOM files are in `{tmp_path / 't1'}` within it"


def test_a_damaged_file_of_a_series_is_named(tmp_path):
    folder = write(tmp_path / "s")
    file = folder / "a3.dcm"
    file.write_bytes(file.read_bytes()[:-7])
    caught = refusal(folder)
    assert (caught.path, "truncated" in caught.reason) == (str(file), True)


@pytest.mark.parametrize("damage", ["beginning", "rows"])
def test_a_damaged_slice_is_not_left_out(tmp_path, damage):
    """The last slice: without it, the others would form a valid volume."""
    folder = write(tmp_path / "s")
    file = folder / "a5.dcm"
    if damage == "beginning":
        file.write_bytes(file.read_bytes()[1:])
    else:
        one = pydicom.dcmread(file)
        del one.Rows
        one.save_as(file)
    assert refusal(folder).path == str(file)


def test_a_file_that_may_have_been_a_slice_is_told(tmp_path):
    folder = write(tmp_path / "s")
    (folder / "IM0007").write_bytes(b"\0" * 300)
    header = read_header(folder)
    assert header.grid.shape == (6, 5, 4)
    assert [each for each in header.warnings if "IM0007" in each]


def test_deflated_data_is_refused_before_it_is_unpacked(tmp_path):
    one = _dicom("1.2.3", "1.2.840.10008.5.1.4.1.1.4", 5, 4, False)
    one.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    one.PixelData = STORED[0].tobytes()
    one.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert "deflated" in refusal(tmp_path / "a.dcm").reason


def test_files_without_a_preamble(tmp_path):
    folder = write(tmp_path / "s")
    for file in folder.iterdir():
        one = pydicom.dcmread(file)
        one.preamble = None
        del one.file_meta
        one.save_as(file, implicit_vr=True, little_endian=True)
    assert np.array_equal(voxels(folder), STORED)


def test_series_that_are_asked_for(tmp_path):
    folder = write(tmp_path / "s")
    write(folder, STORED[::-1], "b", uid="1.2.4")
    assert "2 DICOM series: 1.2.3 (6 files), 1.2.4 (6 files)" in refusal(folder).reason
    assert np.array_equal(voxels(f"{folder}#1.2.4"), STORED[::-1])
