"""What does a DICOM file say of each of its frames?

Read with pydicom, without voxels. A classic file has one frame, described by the file; an enhanced
one has many, described by functional groups (DICOM PS3.3, C.7.6.16). NM and RT dose files say where
the first frame lies and how far the others are from it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from voxgpu.files.dicom_dataset import converted_by, dataset, reporting
from voxgpu.files.errors import FileError

#: More bytes of voxels than one byte of compressed data can hold: what JPEG 2000 makes of empty
#: images, then of other ways: runs of 128 bytes in two, and JPEG (see `raster`).
_LARGEST_RATIO = 1 << 16
_RATIOS = {"1.2.840.10008.1.2.5": 64} | {
    f"1.2.840.10008.1.2.4.{number}": 2048 for number in (50, 51, 57, 70)
}

#: What tells volumes within a series apart, in the order in which it is asked.
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


@dataclass(frozen=True, slots=True)
class Frame:
    """One plane of voxels, as the file describes it.

    file         absolute path
    index        which frame of the file, from 0
    size         columns and rows
    position     mm, center of the first voxel (left, posterior, superior); empty if not told
    orientation  direction of rows, then of columns; empty if not told
    spacing      mm between columns and between rows; empty if not told
    thickness    mm to the next slice, if there were one; 0 if not told
    slope        what stored numbers are multiplied with
    intercept    what is added then
    range        smallest and largest number that can be stored
    element      NumPy's name of the type of stored numbers
    channels     1, or 3 for colors
    table        whether stored numbers are looked up in a table of the file
    number       place within its stack by the file's own numbers; 0 if not told
    labels       what may tell volumes apart: a name and a value each
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


@dataclass(frozen=True, slots=True)
class DicomFile:
    """What is known of a DICOM file without its voxels.

    series       SeriesInstanceUID
    description  SeriesDescription
    instance     SOPInstanceUID
    reference    FrameOfReferenceUID
    frames       what it says of each, in its order
    warnings     what is odd
    """

    path: str
    series: str
    description: str
    instance: str
    reference: str
    frames: tuple[Frame, ...]
    warnings: tuple[str, ...]


def read_dicom_file(path: str) -> DicomFile | None:
    """What a DICOM file says; None where it holds no image, such as a report.

    Raises FileError where it is damaged, shorter than it promises, or of a kind that is not
    read.
    """
    found, room = dataset(path, TAGS)
    with reporting(path):
        if "Rows" not in found or "Columns" not in found:
            if _is_no_image(found):
                return None
            raise FileError(path, "its DICOM data is damaged: it has no rows and columns")
        frames, odd = _frames(path, found)
        syntax = found.file_meta.get("TransferSyntaxUID")
        if syntax is None:
            raise FileError(path, "its DICOM data is damaged: it has no transfer syntax")
        ratio = _RATIOS.get(str(syntax), _LARGEST_RATIO) if syntax.is_compressed else 1
        _check_size(path, frames, found, room * ratio)
        return DicomFile(
            path,
            series=str(found.get("SeriesInstanceUID") or ""),
            description=str(found.get("SeriesDescription") or ""),
            instance=str(found.get("SOPInstanceUID") or ""),
            reference=str(found.get("FrameOfReferenceUID") or ""),
            frames=frames,
            warnings=odd,
        )


def _is_no_image(found: Any) -> bool:
    """Whether a file says that it is a report, a directory or the like."""
    kind = found.get("SOPClassUID") or found.file_meta.get("MediaStorageSOPClassUID")
    # Names of kinds that pydicom does not know are their numbers.
    return kind is not None and kind.name != str(kind) and "Image Storage" not in kind.name


def _check_size(path: str, frames: tuple[Frame, ...], found: Any, room: int) -> None:
    bits = len(frames) * math.prod(frames[0].size) * int(found.get("SamplesPerPixel") or 1)
    promised = (bits * int(found.BitsAllocated) + 7) // 8
    if found.get("PhotometricInterpretation") == "YBR_FULL_422":
        promised = promised * 2 // 3
    if promised > room:
        raise FileError(
            path,
            f"truncated: header promises {promised:,} bytes of voxels, file has room for {room:,}",
        )


def _frames(path: str, found: Any) -> tuple[tuple[Frame, ...], tuple[str, ...]]:
    count = int(found.get("NumberOfFrames") or 1)
    size = (int(found.Columns), int(found.Rows))
    if min(count, *size) < 1:
        raise FileError(path, f"its DICOM data is damaged: {count} frames of {size[0]}×{size[1]}")
    element, limits, channels = _stored(path, found)
    described = found.get("PerFrameFunctionalGroupsSequence")
    if described is not None and len(described) != count:
        raise FileError(
            path, f"it has {count} frames, but describes {len(described)}; frames are missing"
        )
    places = [()] * count if described is not None else _places(found, count)
    shared = list(found.get("SharedFunctionalGroupsSequence") or ())[:1]
    odd: list[str] = []
    frames = []
    for index in range(count):
        own = [*([described[index]] if described is not None else ()), *shared]
        slope, intercept = _rescale(path, own, found, odd)
        spacing = _numbers(own, found, "PixelMeasuresSequence", "PixelSpacing", 2)
        if not spacing and not own:
            spacing = _vector(found.get("ImagerPixelSpacing"), 2)
        orientation = _numbers(
            own, found, "PlaneOrientationSequence", "ImageOrientationPatient", 6
        ) or _detector(found, "ImageOrientationPatient", 6)
        position = places[index] or _numbers(
            own, found, "PlanePositionSequence", "ImagePositionPatient", 3
        )
        frames.append(
            Frame(
                path,
                index,
                size,
                position if orientation else (),
                orientation,
                spacing[::-1],
                _thickness(own, found),
                slope,
                intercept,
                limits,
                element,
                channels,
                "ModalityLUTSequence" in found,
                _stack_number(own),
                tuple(_labels(own, found)),
            )
        )
    return tuple(frames), tuple(dict.fromkeys(odd))


def _stored(path: str, found: Any) -> tuple[str, tuple[int, int], int]:
    """Element and range of stored numbers, and channels."""
    channels = int(found.get("SamplesPerPixel") or 1)
    bits = int(found.BitsAllocated)
    if "BitsStored" not in found and bits in (32, 64):  # voxels that are no integers
        return ("float32" if bits == 32 else "float64"), (0, 0), channels
    stored = int(found.BitsStored)
    if bits not in (1, 8, 16, 32) or not 1 <= stored <= bits:
        raise FileError(path, f"it stores {stored} of {bits} bits, which is not read")
    if tables := found.get("ModalityLUTSequence"):
        wide = int(tables[0].LUTDescriptor[2]) > 8
        return ("uint16" if wide else "uint8"), (0, 65535 if wide else 255), channels
    high = int(found.get("HighBit", stored - 1))
    if high != stored - 1:
        raise FileError(
            path, f"its numbers end at bit {high}, not {stored - 1}", converted_by("dcmconv")
        )
    if found.get("PhotometricInterpretation") == "PALETTE COLOR":
        wide = int(found.RedPaletteColorLookupTableDescriptor[2]) > 8
        return ("uint16" if wide else "uint8"), (0, 65535 if wide else 255), 3
    signed = bool(found.get("PixelRepresentation"))
    limits = (-(1 << stored - 1), (1 << stored - 1) - 1) if signed else (0, (1 << stored) - 1)
    return f"{'' if signed else 'u'}int{max(bits, 8)}", limits, channels


def _rescale(path: str, own: list[Any], found: Any, odd: list[str]) -> tuple[float, float]:
    if "ModalityLUTSequence" in found or found.get("PhotometricInterpretation") == "PALETTE COLOR":
        return 1.0, 0.0  # numbers are those of the table
    group = _group(own, "PixelValueTransformationSequence") or found
    slope, intercept = group.get("RescaleSlope"), group.get("RescaleIntercept")
    if "DoseGridScaling" in found:
        slope, intercept = found.DoseGridScaling, 0
    slope = 1.0 if slope is None or slope == "" else float(slope)
    intercept = 0.0 if intercept is None or intercept == "" else float(intercept)
    if not (math.isfinite(slope) and math.isfinite(intercept)):
        raise FileError(path, f"its DICOM data is damaged: its rescale slope is {slope}")
    if slope == 0:
        odd.append(f"`{path}` has a rescale slope of 0; its numbers are not multiplied")
        slope = 1.0
    return slope, intercept


def _group(own: list[Any], name: str) -> Any:
    """The first item of a functional group, of the frame before that of all."""
    for each in own:
        if items := each.get(name):
            return items[0]
    return None


def _numbers(own: list[Any], found: Any, group: str, name: str, count: int) -> Vector:
    item = _group(own, group)
    return _vector((found if item is None else item).get(name), count)


def _vector(value: Any, count: int) -> Vector:
    if value is None or value == "" or (hasattr(value, "__len__") and not len(value)):
        return ()
    numbers = tuple(float(each) for each in value)
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise ValueError(f"{count} numbers are expected, {value} are there")
    return numbers


def _thickness(own: list[Any], found: Any) -> float:
    item = _group(own, "PixelMeasuresSequence")
    for name in ("SpacingBetweenSlices", "SliceThickness"):
        value = (found if item is None else item).get(name)
        if value is not None and value != "" and math.isfinite(float(value)) and float(value):
            return abs(float(value))
    return 0.0


def _detector(found: Any, name: str, count: int) -> Vector:
    items = found.get("DetectorInformationSequence")
    return _vector(items[0].get(name), count) if items and len(items) == 1 else ()


def _places(found: Any, count: int) -> list[Vector]:
    """Where frames lie that are placed by their distance from the first: NM, RT dose."""
    start = _detector(found, "ImagePositionPatient", 3) or _vector(
        found.get("ImagePositionPatient"), 3
    )
    orientation = _detector(found, "ImageOrientationPatient", 6) or _vector(
        found.get("ImageOrientationPatient"), 6
    )
    offsets = found.get("GridFrameOffsetVector")
    if count == 1 or not start or not orientation:
        return [start] if count == 1 else [()] * count
    if offsets is not None and len(offsets) == count:
        steps = [float(each) for each in offsets]
        if steps[0]:  # then these are places along the axis of the patient
            steps = [each - steps[0] for each in steps]
    elif "DetectorInformationSequence" in found and found.get("SpacingBetweenSlices"):
        steps = [k * float(found.SpacingBetweenSlices) for k in range(count)]
    else:
        return [()] * count
    normal = cross(orientation[:3], orientation[3:])
    return [tuple(s + step * n for s, n in zip(start, normal, strict=True)) for step in steps]


def cross(a: Vector, b: Vector) -> Vector:
    """The cross product of two vectors."""
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def _stack_number(own: list[Any]) -> int:
    item = _group(own, "FrameContentSequence")
    number = item.get("InStackPositionNumber") if item is not None else None
    return int(number) if number is not None else 0


#: The functional groups where enhanced files keep what tells volumes apart.
_LABEL_GROUPS = (
    *("FrameContentSequence", "MREchoSequence", "MRDiffusionSequence", "MRModifierSequence"),
    *("CardiacSynchronizationSequence", "SegmentIdentificationSequence"),
    *("MRImageFrameTypeSequence", "CTImageFrameTypeSequence"),
)


#: Third values of ImageType that say which part of complex numbers voxels are.
_COMPONENTS = {"M": "magnitude", "P": "phase", "R": "real", "I": "imaginary"}


def _labels(own: list[Any], found: Any) -> Iterator[tuple[str, str]]:
    groups = [item for item in (_group(own, name) for name in _LABEL_GROUPS) if item is not None]
    for name in LABELS:
        for item in (*groups, found):
            value = item.get(name)
            if value is not None and value != "":
                yield name, _label(value)
                break
    kind = found.get("ImageType")
    if not own and kind is not None and len(kind) > 2 and kind[2] in _COMPONENTS:
        yield "ComplexImageComponent", _COMPONENTS[kind[2]]


def _label(value: Any) -> str:
    """A value as text; numbers that are written in two ways are one."""
    try:
        return f"{float(value):g}"
    except (TypeError, ValueError):
        return str(value)
