"""Descriptions of the frames in a DICOM file, read with pydicom and without voxels.

A classic file has one frame, described by the file; an enhanced file has many, described by
functional groups (DICOM PS3.3, C.7.6.16). NM and RT dose files give the position of the first frame
and the offsets of the others from it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from voxgpu.files.dicom_dataset import conversion_advice, dataset, reporting
from voxgpu.files.errors import FileError
from voxgpu.frozen import frozen

#: More bytes of voxels than one byte of compressed data can hold. This bound is what JPEG 2000
#: reaches on empty images; tighter bounds follow for run-length coding (128 bytes in two) and JPEG
#: (see `raster`).
_LARGEST_RATIO = 1 << 16
_RATIOS = {"1.2.840.10008.1.2.5": 64} | {
    f"1.2.840.10008.1.2.4.{number}": 2048 for number in (50, 51, 57, 70)
}

#: Attributes that distinguish volumes within a series, in order of preference.
LABELS = (
    *("StackID", "EchoNumbers", "EffectiveEchoTime", "EchoTime", "ComplexImageComponent"),
    *("TemporalPositionIdentifier", "TemporalPositionIndex", "NominalCardiacTriggerDelayTime"),
    *(
        "DiffusionBValue",
        "DiffusionGradientOrientation",
        "InversionTime",
        "ReferencedSegmentNumber",
    ),
    *("TriggerTime", "AcquisitionNumber", "ImageType"),
)

TAGS = [
    *LABELS,
    *("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "SeriesDescription", "Modality"),
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PlanarConfiguration"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "ImagerPixelSpacing"),
    *("SliceThickness", "SpacingBetweenSlices", "FrameOfReferenceUID", "SpecificCharacterSet"),
    *("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence", "DoseGridScaling"),
    *("GridFrameOffsetVector", "DetectorInformationSequence", "InstanceNumber"),
    *("RedPaletteColorLookupTableDescriptor", "SharedFunctionalGroupsSequence"),
    *("PerFrameFunctionalGroupsSequence",),
]

Vector = tuple[float, ...]


@frozen(slots=True)
class Frame:
    """One plane of voxels, as the file describes it.

    file         absolute path
    index        index of the frame in the file, from 0
    size         columns and rows
    position     mm, center of the first voxel (left, posterior, superior); empty if unknown
    orientation  direction of rows, then of columns; empty if unknown
    spacing      mm between columns and between rows; empty if unknown
    thickness    mm to the next slice, if there is one; 0 if unknown
    slope        factor applied to stored values
    intercept    added after scaling
    range        smallest and largest value that can be stored
    element      NumPy's name of the type of stored values
    channels     1, or 3 for colors
    table        whether stored values are mapped through a lookup table of the file
    number       position within its stack, as numbered by the file; 0 if unknown
    labels       attributes that may distinguish volumes: pairs of name and value
    """

    file: str
    index: int
    size: tuple[int, int]
    position: Vector
    orientation: Vector
    spacing: Vector
    thickness: float
    slope: float
    intercept: float
    range: tuple[int, int]
    element: str
    channels: int
    table: bool
    number: int
    labels: tuple[tuple[str, str], ...]


@frozen(slots=True)
class DicomFile:
    """A DICOM file, described without its voxels.

    series       SeriesInstanceUID
    description  SeriesDescription
    instance     SOPInstanceUID
    reference    FrameOfReferenceUID
    frames       the frames in the order of the file
    warnings     irregularities
    """

    path: str
    series: str
    description: str
    instance: str
    reference: str
    frames: tuple[Frame, ...]
    warnings: tuple[str, ...]


def read_dicom_file(path: str) -> DicomFile | None:
    """Describe a DICOM file; None if it holds no image, such as a report.

    Raises FileError if the file is damaged, truncated, or of an unsupported kind.
    """
    ds, room = dataset(path, TAGS)
    with reporting(path):
        if "Rows" not in ds or "Columns" not in ds:
            if _is_no_image(ds):
                return None
            raise FileError(path, "its DICOM data is damaged: it has no rows and columns")
        frames, odd = _frames(path, ds)
        syntax = ds.file_meta.get("TransferSyntaxUID")
        if syntax is None:
            raise FileError(path, "its DICOM data is damaged: it has no transfer syntax")
        ratio = _RATIOS.get(str(syntax), _LARGEST_RATIO) if syntax.is_compressed else 1
        _check_size(path, frames, ds, room * ratio)
        return DicomFile(
            path,
            series=str(ds.get("SeriesInstanceUID") or ""),
            description=str(ds.get("SeriesDescription") or ""),
            instance=str(ds.get("SOPInstanceUID") or ""),
            reference=str(ds.get("FrameOfReferenceUID") or ""),
            frames=frames,
            warnings=odd,
        )


def _is_no_image(ds: Any) -> bool:
    """Whether the file declares itself a report, a directory or another object without image."""
    kind = ds.get("SOPClassUID") or ds.file_meta.get("MediaStorageSOPClassUID")
    # The name of an SOP class that pydicom does not know is its UID.
    return kind is not None and kind.name != str(kind) and "Image Storage" not in kind.name


def _check_size(path: str, frames: tuple[Frame, ...], ds: Any, room: int) -> None:
    bits = len(frames) * math.prod(frames[0].size) * int(ds.get("SamplesPerPixel") or 1)
    promised = (bits * int(ds.BitsAllocated) + 7) // 8
    if ds.get("PhotometricInterpretation") == "YBR_FULL_422":
        promised = promised * 2 // 3
    if promised > room:
        raise FileError(
            path,
            f"truncated: header promises {promised:,} bytes of voxels, file has room for {room:,}",
        )


def _frames(path: str, ds: Any) -> tuple[tuple[Frame, ...], tuple[str, ...]]:
    count = int(ds.get("NumberOfFrames") or 1)
    size = (int(ds.Columns), int(ds.Rows))
    if min(count, *size) < 1:
        raise FileError(path, f"its DICOM data is damaged: {count} frames of {size[0]}×{size[1]}")
    element, limits, channels = _stored(path, ds)
    described = ds.get("PerFrameFunctionalGroupsSequence")
    if described is not None and len(described) != count:
        raise FileError(
            path, f"it has {count} frames, but describes {len(described)}; frames are missing"
        )
    places = [()] * count if described is not None else _places(ds, count)
    shared = list(ds.get("SharedFunctionalGroupsSequence") or ())[:1]
    odd: list[str] = []
    frames = []
    for index in range(count):
        own = [*([described[index]] if described is not None else ()), *shared]
        slope, intercept = _rescale(path, own, ds, odd)
        spacing = _numbers(own, ds, "PixelMeasuresSequence", "PixelSpacing", 2)
        if not spacing and not own:
            spacing = _vector(ds.get("ImagerPixelSpacing"), 2)
        orientation = _numbers(
            own, ds, "PlaneOrientationSequence", "ImageOrientationPatient", 6
        ) or _detector(ds, "ImageOrientationPatient", 6)
        position = places[index] or _numbers(
            own, ds, "PlanePositionSequence", "ImagePositionPatient", 3
        )
        frames.append(
            Frame(
                path,
                index,
                size,
                position if orientation else (),
                orientation,
                spacing[::-1],
                _thickness(own, ds),
                slope,
                intercept,
                limits,
                element,
                channels,
                "ModalityLUTSequence" in ds,
                _stack_number(own),
                tuple(_labels(own, ds)),
            )
        )
    return tuple(frames), tuple(dict.fromkeys(odd))


def _stored(path: str, ds: Any) -> tuple[str, tuple[int, int], int]:
    """Element type and value range of stored values, and the number of channels."""
    channels = int(ds.get("SamplesPerPixel") or 1)
    bits = int(ds.BitsAllocated)
    if "BitsStored" not in ds and bits in (32, 64):  # floating-point voxels
        return ("float32" if bits == 32 else "float64"), (0, 0), channels
    stored = int(ds.BitsStored)
    if bits not in (1, 8, 16, 32) or not 1 <= stored <= bits:
        raise FileError(path, f"it stores {stored} of {bits} bits, which is not read")
    if tables := ds.get("ModalityLUTSequence"):
        wide = int(tables[0].LUTDescriptor[2]) > 8
        return ("uint16" if wide else "uint8"), (0, 65535 if wide else 255), channels
    high = int(ds.get("HighBit", stored - 1))
    if high != stored - 1:
        raise FileError(
            path, f"its numbers end at bit {high}, not {stored - 1}", conversion_advice("dcmconv")
        )
    if ds.get("PhotometricInterpretation") == "PALETTE COLOR":
        wide = int(ds.RedPaletteColorLookupTableDescriptor[2]) > 8
        return ("uint16" if wide else "uint8"), (0, 65535 if wide else 255), 3
    signed = bool(ds.get("PixelRepresentation"))
    limits = (-(1 << stored - 1), (1 << stored - 1) - 1) if signed else (0, (1 << stored) - 1)
    return f"{'' if signed else 'u'}int{max(bits, 8)}", limits, channels


def _rescale(path: str, own: list[Any], ds: Any, odd: list[str]) -> tuple[float, float]:
    if "ModalityLUTSequence" in ds or ds.get("PhotometricInterpretation") == "PALETTE COLOR":
        return 1.0, 0.0  # the table yields final values
    group = _group(own, "PixelValueTransformationSequence") or ds
    slope, intercept = group.get("RescaleSlope"), group.get("RescaleIntercept")
    if "DoseGridScaling" in ds:
        slope, intercept = ds.DoseGridScaling, 0
    slope = 1.0 if slope is None or slope == "" else float(slope)
    intercept = 0.0 if intercept is None or intercept == "" else float(intercept)
    if not (math.isfinite(slope) and math.isfinite(intercept)):
        raise FileError(path, f"its DICOM data is damaged: its rescale slope is {slope}")
    if slope == 0:
        odd.append(f"`{path}` has a rescale slope of 0; its numbers are not multiplied")
        slope = 1.0
    return slope, intercept


def _group(own: list[Any], name: str) -> Any:
    """The first item of a functional group; per-frame groups precede shared ones."""
    for each in own:
        if items := each.get(name):
            return items[0]
    return None


def _numbers(own: list[Any], ds: Any, group: str, name: str, count: int) -> Vector:
    item = _group(own, group)
    return _vector((ds if item is None else item).get(name), count)


def _vector(value: Any, count: int) -> Vector:
    if value is None or value == "" or (hasattr(value, "__len__") and not len(value)):
        return ()
    numbers = tuple(float(each) for each in value)
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise ValueError(f"{count} numbers are expected, {value} are there")
    return numbers


def _thickness(own: list[Any], ds: Any) -> float:
    item = _group(own, "PixelMeasuresSequence")
    for name in ("SpacingBetweenSlices", "SliceThickness"):
        value = (ds if item is None else item).get(name)
        if value is not None and value != "" and math.isfinite(float(value)) and float(value):
            return abs(float(value))
    return 0.0


def _detector(ds: Any, name: str, count: int) -> Vector:
    items = ds.get("DetectorInformationSequence")
    return _vector(items[0].get(name), count) if items and len(items) == 1 else ()


def _places(ds: Any, count: int) -> list[Vector]:
    """Positions of frames that are given by offsets from the first frame (NM, RT dose)."""
    start = _detector(ds, "ImagePositionPatient", 3) or _vector(ds.get("ImagePositionPatient"), 3)
    orientation = _detector(ds, "ImageOrientationPatient", 6) or _vector(
        ds.get("ImageOrientationPatient"), 6
    )
    offsets = ds.get("GridFrameOffsetVector")
    if count == 1 or not start or not orientation:
        return [start] if count == 1 else [()] * count
    if offsets is not None and len(offsets) == count:
        steps = [float(each) for each in offsets]
        if steps[0]:  # then the offsets are positions along the patient's axis
            steps = [each - steps[0] for each in steps]
    elif "DetectorInformationSequence" in ds and ds.get("SpacingBetweenSlices"):
        steps = [k * float(ds.SpacingBetweenSlices) for k in range(count)]
    else:
        return [()] * count
    normal = cross(orientation[:3], orientation[3:])
    return [tuple(s + step * n for s, n in zip(start, normal, strict=True)) for step in steps]


def cross(a: Vector, b: Vector) -> Vector:
    """Compute the cross product of two vectors."""
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def _stack_number(own: list[Any]) -> int:
    item = _group(own, "FrameContentSequence")
    number = item.get("InStackPositionNumber") if item is not None else None
    return int(number) if number is not None else 0


#: Functional groups of enhanced files that hold the attributes in `LABELS`.
_LABEL_GROUPS = (
    *("FrameContentSequence", "MREchoSequence", "MRDiffusionSequence", "MRModifierSequence"),
    *("CardiacSynchronizationSequence", "SegmentIdentificationSequence"),
    *("MRImageFrameTypeSequence", "CTImageFrameTypeSequence"),
)


#: Third values of ImageType that name a component of complex numbers.
_COMPONENTS = {"M": "magnitude", "P": "phase", "R": "real", "I": "imaginary"}


def _labels(own: list[Any], ds: Any) -> Iterator[tuple[str, str]]:
    groups = [item for item in (_group(own, name) for name in _LABEL_GROUPS) if item is not None]
    for name in LABELS:
        for item in (*groups, ds):
            value = item.get(name)
            if value is not None and value != "":
                yield name, _label(value)
                break
    kind = ds.get("ImageType")
    if not own and kind is not None and len(kind) > 2 and kind[2] in _COMPONENTS:
        yield "ComplexImageComponent", _COMPONENTS[kind[2]]


def _label(value: Any) -> str:
    """Format a value as text; two spellings of one number give the same text."""
    try:
        return f"{float(value):g}"
    except (TypeError, ValueError):
        return str(value)
