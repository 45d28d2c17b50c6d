"""Random image files with their known content: voxels and geometry.

Geometry is given as the NIfTI affine: the matrix from voxel (x, y, z) to mm (right, anterior,
superior).
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from scipy.spatial.transform import Rotation

SPACINGS = (0.5, 0.7, 0.9375, 0.9765625, 1.0, 1.1, 1.2, 2.0, 3.3)
#: From (right, anterior, superior) to (left, posterior, superior) and back.
FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Scan:
    """A file or folder and its content.

    path    what to read
    voxels  (z, y, x), after rescaling
    affine  4×4, voxel (x, y, z) to mm (right, anterior, superior)
    about   the generator's choices, for messages
    """

    path: Path
    voxels: npt.NDArray[Any]
    affine: npt.NDArray[np.float64]
    about: str


def random_affine(rng: np.random.Generator, mirrored: bool = True) -> npt.NDArray[np.float64]:
    """A random affine: rotation by right angles plus a small or arbitrary one, spacing, origin."""
    kind = rng.integers(4)
    axes = np.eye(3)
    if kind >= 1:
        axes = axes[rng.permutation(3)] * rng.choice([-1.0, 1.0], 3)
    if kind == 2:
        axes = axes @ Rotation.from_rotvec(rng.normal(0, 0.1, 3)).as_matrix()
    if kind == 3:
        axes = Rotation.random(random_state=int(rng.integers(1 << 31))).as_matrix()
    if not mirrored and np.linalg.det(axes) < 0:
        axes[:, 2] *= -1
    affine = np.eye(4)
    affine[:3, :3] = axes * rng.choice(SPACINGS, 3)
    affine[:3, 3] = np.round(rng.normal(0, 80, 3), int(rng.integers(7)))
    return affine


def random_shape(rng: np.random.Generator) -> tuple[int, int, int]:
    """(z, y, x), sometimes with an axis of one voxel."""
    z, y, x = (int(each) for each in rng.integers(2, 7, 3))
    thin = rng.integers(8)
    return (1 if thin == 0 else z, 1 if thin == 1 else y, 1 if thin == 2 else x)


def random_voxels(rng: np.random.Generator, element: str, shape: Any) -> npt.NDArray[Any]:
    """Voxels over the whole range of the element type; some float images contain NaN."""
    kind = np.dtype(element)
    if kind.kind == "f":
        voxels = rng.normal(0, 100, shape).astype(kind)
        if rng.integers(3) == 0:
            voxels[rng.random(shape) < 0.2] = np.nan
        return voxels
    limits = np.iinfo(kind)
    return rng.integers(limits.min, limits.max, shape, kind, endpoint=True)


def nifti(rng: np.random.Generator, folder: Path) -> Scan:
    """A NIfTI file: form codes, agreeing or differing forms, scaling, orientations, byte orders."""
    shape = random_shape(rng)
    element = str(rng.choice(["uint8", "int8", "int16", "uint16", "int32", "float32", "float64"]))
    voxels = random_voxels(rng, element, shape)
    slope, intercept = [(0, 0), (1, 0), (0, 5), (np.nan, 3), (2, 0), (0.5, -10)][rng.integers(6)]
    codes = [(0, 1), (1, 0), (1, 1), (1, 2), (2, 1), (1, 4), (3, 3), (0, 2), (4, 0)]
    qform_code, sform_code = codes[rng.integers(len(codes))]
    # Without an sform only the qform is left, which holds rotations and one reflection.
    affine = random_affine(rng)
    other = affine.copy()
    apart = bool(qform_code and sform_code and rng.integers(2))
    if apart:
        other[:3, 3] += rng.normal(0, 20, 3)
    order = str(rng.choice(["<", ">"]))
    header = nibabel.Nifti1Header(endianness=order)
    header.set_data_dtype(voxels.dtype.newbyteorder(order))
    header.set_data_shape(shape[::-1])
    header.set_qform(other if apart else affine, qform_code)
    header.set_sform(affine, sform_code)
    header["vox_offset"] = 352
    header["scl_slope"], header["scl_inter"] = slope, intercept
    header["magic"] = b"n+1"
    data = bytes(header.binaryblock) + bytes(4)
    data += voxels.astype(voxels.dtype.newbyteorder(order)).tobytes()
    packed = bool(rng.integers(2))
    path = folder / ("a.nii.gz" if packed else "a.nii")
    path.write_bytes(gzip.compress(data, 1) if packed else data)
    scaled = voxels
    if slope not in (0, 1) and np.isfinite(slope):
        scaled = voxels.astype(np.float64) * slope + intercept
    about = f"{element} {shape} q{qform_code} s{sform_code} apart={apart} {slope} {intercept}"
    return Scan(path, scaled, nibabel.load(path).affine, about)


_NRRD_TYPES = {
    "uint8": "uchar",
    "int8": "signed char",
    "int16": "short",
    "uint16": "uint16",
    "int32": "int",
    "uint32": "uint32",
    "float32": "float",
    "float64": "double",
}
_NRRD_SPACES = {
    "left-posterior-superior": (-1, -1, 1),
    "LPS": (-1, -1, 1),
    "right-anterior-superior": (1, 1, 1),
    "RAS": (1, 1, 1),
    "left-anterior-superior": (-1, 1, 1),
}


def _numbers(values: Any) -> str:
    return " ".join(repr(float(each)) for each in values)


def nrrd(rng: np.random.Generator, folder: Path) -> Scan:
    """An NRRD file: spaces, encodings, byte orders, voxels inside or beside."""
    shape = random_shape(rng)
    element = str(rng.choice(list(_NRRD_TYPES)))
    voxels = random_voxels(rng, element, shape)
    affine = random_affine(rng)
    space = str(rng.choice(list(_NRRD_SPACES)))
    written = np.diag([*_NRRD_SPACES[space], 1]) @ affine
    order = str(rng.choice(["little", "big"]))
    encoding = str(rng.choice(["raw", "gzip"]))
    beside = bool(rng.integers(2))
    vectors = " ".join(f"({','.join(repr(float(v)) for v in written[:3, i])})" for i in range(3))
    lines = [
        "NRRD0004",
        "# made for a test",
        f"type: {_NRRD_TYPES[element]}",
        "dimension: 3",
        f"space: {space}",
        f"sizes: {shape[2]} {shape[1]} {shape[0]}",
        f"space directions: {vectors}",
        "kinds: domain domain domain",
        f"endian: {order}",
        f"encoding: {encoding}",
        f"space origin: ({','.join(repr(float(v)) for v in written[:3, 3])})",
    ]
    data = voxels.astype(voxels.dtype.newbyteorder("<" if order == "little" else ">")).tobytes()
    data = gzip.compress(data, 1) if encoding == "gzip" else data
    path = folder / ("a.nhdr" if beside else "a.nrrd")
    if beside:
        (folder / "voxels.raw").write_bytes(data)
        lines.append("data file: voxels.raw")
        path.write_text("\n".join(lines) + "\n\n")
    else:
        path.write_bytes(("\n".join(lines) + "\n\n").encode() + data)
    return Scan(path, voxels, affine, f"{element} {shape} {space} {order} {encoding} {beside}")


_METAIMAGE_TYPES = {
    "uint8": "MET_UCHAR",
    "int8": "MET_CHAR",
    "int16": "MET_SHORT",
    "uint16": "MET_USHORT",
    "int32": "MET_INT",
    "uint32": "MET_UINT",
    "float32": "MET_FLOAT",
    "float64": "MET_DOUBLE",
}


def metaimage(rng: np.random.Generator, folder: Path) -> Scan:
    """A MetaImage file: byte orders, compressed or not, voxels inside or beside."""
    shape = random_shape(rng)
    element = str(rng.choice(list(_METAIMAGE_TYPES)))
    voxels = random_voxels(rng, element, shape)
    affine = random_affine(rng)
    lps = FLIP @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    big, packed, beside = (bool(each) for each in rng.integers(2, size=3))
    data = voxels.astype(voxels.dtype.newbyteorder(">" if big else "<")).tobytes()
    data = zlib.compress(data, 1) if packed else data
    lines = [
        "ObjectType = Image",
        "NDims = 3",
        "BinaryData = True",
        f"BinaryDataByteOrderMSB = {big}",
        f"CompressedData = {packed}",
        *([f"CompressedDataSize = {len(data)}"] if packed else []),
        f"TransformMatrix = {_numbers((lps[:3, :3] / spacing).T.ravel())}",
        f"Offset = {_numbers(lps[:3, 3])}",
        "CenterOfRotation = 0 0 0",
        f"ElementSpacing = {_numbers(spacing)}",
        f"DimSize = {shape[2]} {shape[1]} {shape[0]}",
        f"ElementType = {_METAIMAGE_TYPES[element]}",
        f"ElementDataFile = {'voxels.raw' if beside else 'LOCAL'}",
    ]
    path = folder / ("a.mhd" if beside else "a.mha")
    head = ("\n".join(lines) + "\n").encode()
    if beside:
        (folder / "voxels.raw").write_bytes(data)
    path.write_bytes(head if beside else head + data)
    return Scan(path, voxels, affine, f"{element} {shape} big={big} {packed} {beside}")


def _dicom(uid: str, sop_class: str, rows: int, columns: int, signed: bool) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one = FileDataset("a", {}, file_meta=meta, preamble=b"\0" * 128)
    one.SOPClassUID, one.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    one.Modality, one.PatientID, one.SeriesInstanceUID = "MR", "P", uid
    one.StudyInstanceUID = one.FrameOfReferenceUID = generate_uid()
    one.SeriesNumber, one.Rows, one.Columns = 1, rows, columns
    one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
    one.BitsAllocated = one.BitsStored = 16
    one.HighBit, one.PixelRepresentation = 15, int(signed)
    return one


def _text(values: Any) -> list[str]:
    """Decimal strings, which have at most 16 characters."""
    return [pydicom.valuerep.format_number_as_ds(float(each)) for each in values]


def _stack(rng: np.random.Generator) -> tuple[Any, Any, Any, Any]:
    """Voxels as stored, the affine, and slopes and intercepts by slice."""
    z, y, x = (int(each) for each in rng.integers(2, 6, 3))
    element = str(rng.choice(["int16", "uint16"]))
    stored = random_voxels(rng, element, (z, y, x))
    kind = rng.integers(3)
    slopes = np.ones(z) if kind == 0 else np.round(rng.uniform(0.5, 3, z), 3)
    intercepts = np.zeros(z) if kind == 0 else np.round(rng.normal(0, 50, z))
    if kind == 1:
        slopes[:], intercepts[:] = slopes[0], intercepts[0]
    return stored, random_affine(rng, mirrored=True), slopes, intercepts


def _as_dicom_stack(affine: Any) -> Any:
    """The affine in LPS with its slice axis along the normal of rows and columns."""
    lps = FLIP @ affine
    axes = lps[:3, :3]
    if np.dot(np.cross(axes[:, 0], axes[:, 1]), axes[:, 2]) < 0:
        axes[:, 2] *= -1
    return lps


def dicom_series(rng: np.random.Generator, folder: Path) -> Scan:
    """One file per slice, with names in random order; slopes may differ between slices."""
    stored, affine, slopes, intercepts = _stack(rng)
    lps = _as_dicom_stack(affine)
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    uid = generate_uid()
    path = folder / "series"
    path.mkdir()
    names = rng.permutation(len(stored))
    for k, plane in enumerate(stored):
        sop_class = "1.2.840.10008.5.1.4.1.1.4"
        one = _dicom(uid, sop_class, *plane.shape, plane.dtype == np.int16)
        one.InstanceNumber = int(names[k]) + 1
        one.ImagePositionPatient = _text(lps[:3, 3] + k * lps[:3, 2])
        one.ImageOrientationPatient = _text((lps[:3, :2] / spacing[:2]).T.ravel())
        one.PixelSpacing = _text((spacing[1], spacing[0]))
        one.SliceThickness = f"{spacing[2]:g}"
        one.RescaleSlope, one.RescaleIntercept = _text((slopes[k], intercepts[k]))
        one.PixelData = plane.tobytes()
        one.save_as(path / f"{names[k]:04d}.dcm", enforce_file_format=True)
    scaled = stored * slopes[:, None, None] + intercepts[:, None, None]
    return Scan(path, scaled, FLIP @ lps, f"{stored.dtype} {stored.shape} {slopes} {intercepts}")


def _group(**fields: Any) -> Sequence:
    item = Dataset()
    for name, value in fields.items():
        setattr(item, name, value)
    return Sequence([item])


def dicom_frames(rng: np.random.Generator, folder: Path) -> Scan:
    """An enhanced MR file: frames in any order, geometry and rescale in functional groups."""
    stored, affine, slopes, intercepts = _stack(rng)
    lps = _as_dicom_stack(affine)
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    sop_class = "1.2.840.10008.5.1.4.1.1.4.1"
    one = _dicom(generate_uid(), sop_class, *stored.shape[1:], stored.dtype == np.int16)
    one.NumberOfFrames, one.InstanceNumber = len(stored), 1
    one.ImageType = ["ORIGINAL", "PRIMARY", "M", "NONE"]
    shared, frames = Dataset(), []
    measures = _group(
        PixelSpacing=_text((spacing[1], spacing[0])), SliceThickness=f"{spacing[2]:g}"
    )
    orientation = _group(ImageOrientationPatient=_text((lps[:3, :2] / spacing[:2]).T.ravel()))
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = measures, orientation
    order = rng.permutation(len(stored))
    for k in order:
        frame = Dataset()
        position = _text(lps[:3, 3] + k * lps[:3, 2])
        frame.PlanePositionSequence = _group(ImagePositionPatient=position)
        slope, intercept = _text((slopes[k], intercepts[k]))
        frame.PixelValueTransformationSequence = _group(
            RescaleSlope=slope, RescaleIntercept=intercept, RescaleType="US"
        )
        frame.FrameContentSequence = _group(
            StackID="1", InStackPositionNumber=int(k) + 1, DimensionIndexValues=[1, int(k) + 1]
        )
        frames.append(frame)
    one.SharedFunctionalGroupsSequence = Sequence([shared])
    one.PerFrameFunctionalGroupsSequence = Sequence(frames)
    one.PixelData = stored[order].tobytes()
    path = folder / "frames.dcm"
    one.save_as(path, enforce_file_format=True)
    scaled = stored * slopes[:, None, None] + intercepts[:, None, None]
    return Scan(path, scaled, FLIP @ lps, f"{stored.dtype} {stored.shape} {slopes} {intercepts}")


#: Number of files of each kind in a full run; 2 000 in all.
KINDS = {
    nifti: 900,
    nrrd: 400,
    metaimage: 400,
    dicom_series: 150,
    dicom_frames: 150,
}
