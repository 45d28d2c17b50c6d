"""Sorting of DICOM frames into one straight, evenly spaced stack.

Everything else is refused with the reason and the groups found: a volume of frames that are tilted,
rotated, of several sizes, incomplete, or from several volumes would have wrong values or positions.
"""

from __future__ import annotations

import collections
import itertools
import math
import shlex
from collections.abc import Callable

from voxgpu.files.dicom_frames import LABELS, Frame, Vector, cross
from voxgpu.files.errors import FileError
from voxgpu.files.geometry import LARGEST_SHEAR
from voxgpu.frozen import frozen

#: Distances between slices may differ by this fraction; a missing slice doubles one.
_UNEVEN = 0.05

#: Slices closer than this fraction of a pixel are at the same position.
_SAME_PLACE = 1e-3

#: The largest distance of a slice from the line through first and last, in pixels.
_BESIDE = 0.05

#: Tolerance for direction cosines (absolute) and pixel sizes (relative).
_ALIKE = 2e-4

_GROUPS_LISTED = 6

#: Labels with one value per volume; others, such as trigger times, may vary between slices.
_ONE_A_VOLUME = (
    *("StackID", "EchoNumbers", "EffectiveEchoTime", "EchoTime", "ComplexImageComponent"),
    *("TemporalPositionIdentifier", "TemporalPositionIndex", "DiffusionBValue"),
    *("ReferencedSegmentNumber",),
)

_WORDS = {
    "StackID": "stack",
    "EchoNumbers": "echo",
    "EchoTime": "echo time",
    "EffectiveEchoTime": "echo time",
    "ComplexImageComponent": "component",
    "TemporalPositionIdentifier": "time point",
    "TemporalPositionIndex": "time point",
    "NominalCardiacTriggerDelayTime": "cardiac delay",
    "TriggerTime": "trigger time",
    "DiffusionBValue": "b-value",
    "DiffusionGradientOrientation": "gradient",
    "InversionTime": "inversion time",
    "ReferencedSegmentNumber": "segment",
    "AcquisitionNumber": "acquisition",
    "ImageType": "image type",
}


@frozen(slots=True)
class Stack:
    """Frames in the order of z, and their geometry.

    spacing    mm along x, y, z
    origin     mm, center of the first voxel (left, posterior, superior)
    direction  row-major matrix of direction cosines
    warnings   assumptions made about missing attributes
    """

    frames: tuple[Frame, ...]
    spacing: Vector
    origin: Vector
    direction: Vector
    warnings: tuple[str, ...] = ()


def sort_into_stack(path: str, frames: tuple[Frame, ...]) -> Stack:
    """Sort frames into a stack; ``path`` is the file or folder they come from.

    Slices are ordered along the normal of their planes, unless a file numbers its own in the
    opposite direction. Raises FileError if the frames are not a straight, even and complete stack
    of one volume.
    """
    _check_alike(path, frames)
    first = frames[0]
    warnings: list[str] = []
    row: Vector = (1.0, 0.0, 0.0)
    column: Vector = (0.0, 1.0, 0.0)
    origin: Vector = (0.0, 0.0, 0.0)
    spacing = first.spacing
    if not spacing:
        warnings.append(f"`{path}` does not tell the size of its pixels; 1 mm is taken")
        spacing = (1.0, 1.0)
    if min(spacing) <= 0:
        raise FileError(path, f"its DICOM data is damaged: pixels of {min(spacing):g} mm")
    if not first.position:
        if len(frames) > 1:
            raise FileError(
                path,
                f"its {len(frames)} DICOM frames do not tell where they lie "
                "(ImagePositionPatient, ImageOrientationPatient), as secondary captures, films and "
                "ultrasound do not",
                "load the original series, or single frames",
            )
        warnings.append(f"`{path}` does not tell where its slice lies; the origin is taken")
    else:
        row, column = _axes(path, first.orientation)
        origin = first.position
    normal = cross(row, column)
    step = first.thickness or 1.0
    if len(frames) > 1:
        frames, step = _sorted(path, frames, normal, min(spacing))
        origin = frames[0].position
        if step < 0:
            normal, step = (-normal[0], -normal[1], -normal[2]), -step
    elif not first.thickness and first.position:
        warnings.append(f"`{path}` does not tell how thick its slice is; 1 mm is taken")
    direction = tuple(part for axes in zip(row, column, normal, strict=True) for part in axes)
    return Stack(frames, (*spacing, step), origin, direction, tuple(warnings))


def _check_alike(path: str, frames: tuple[Frame, ...]) -> None:
    several = "load each group from a folder of its own, or convert all"
    _one(path, frames, lambda f: "×".join(map(str, f.size)), "sizes", several)
    _one(path, frames, lambda f: f"{f.channels} channels", "kinds of color", several)
    # Each file has its own table, and the mapped values have no common range.
    _one(path, frames, lambda f: "with a table" if f.table else "without", "kinds", several)
    _one(path, frames, lambda f: "a place" if f.position else "no place", "kinds", several)
    pixels = _clusters([f.spacing for f in frames], relative=True)
    if len(pixels) > 1:
        listed = _counted(
            len(pixels), [("×".join(f"{s:g}" for s in p) or "unknown", n) for p, n in pixels]
        )
        raise FileError(
            path, f"its DICOM slices have pixels of several sizes: {listed} mm", _advice(path)
        )
    turned = _clusters([f.orientation for f in frames], relative=False)
    if len(turned) > 1:
        listed = _counted(
            len(turned),
            [(_plane(o), n) for o, n in turned],
        )
        radial = " (radial slices)" if len(turned) == len(frames) > 2 else ""
        raise FileError(
            path,
            f"its DICOM slices are turned against each other{radial}, in {len(turned)} "
            f"orientations: {listed}",
            "load each orientation from a folder of its own; radial slices are no volume",
        )


def _one(
    path: str, frames: tuple[Frame, ...], value: Callable[[Frame], str], what: str, help: str
) -> None:
    counts = collections.Counter(map(value, frames))
    if len(counts) > 1:
        listed = _counted(len(counts), list(counts.items()))
        raise FileError(
            path, f"its DICOM slices are of {len(counts)} {what}: {listed}", _advice(path, help)
        )


def _clusters(values: list[Vector], relative: bool) -> list[tuple[Vector, int]]:
    """Group values that are equal within the tolerance; return each group's value and count."""
    clusters: list[tuple[Vector, int]] = []
    for value in values:
        for index, (known, count) in enumerate(clusters):
            if _alike(value, known, relative):
                clusters[index] = (known, count + 1)
                break
        else:
            clusters.append((value, 1))
    return clusters


def _alike(a: Vector, b: Vector, relative: bool) -> bool:
    return a == b or (
        len(a) == len(b)
        and all(
            abs(x - y) <= _ALIKE * (max(abs(x), abs(y)) if relative else 1)
            for x, y in zip(a, b, strict=True)
        )
    )


def _plane(orientation: Vector) -> str:
    normal = cross(orientation[:3], orientation[3:])
    largest = max(range(3), key=lambda axis: abs(normal[axis]))
    name = ("sagittal", "coronal", "axial")[largest]
    return f"{name} ({', '.join(f'{n + 0.0:.3g}' for n in normal)})"


def _counted(total: int, groups: list[tuple[str, int]]) -> str:
    listed = ", ".join(f"{count} of {name}" for name, count in groups[:_GROUPS_LISTED])
    more = total - _GROUPS_LISTED
    return listed + (f" and {more} more" if more > 0 else "")


def _axes(path: str, orientation: Vector) -> tuple[Vector, Vector]:
    row, column = orientation[:3], orientation[3:]
    lengths = math.hypot(*row), math.hypot(*column)
    if any(abs(length - 1) > 1e-2 for length in lengths):
        raise FileError(path, "its DICOM data is damaged: its orientation is no direction")
    row = tuple(part / lengths[0] for part in row)
    column = tuple(part / lengths[1] for part in column)
    sine = _dot(row, column)
    if abs(sine) > LARGEST_SHEAR:
        raise FileError(
            path,
            f"its axes are sheared: {math.degrees(math.asin(min(abs(sine), 1))):.3g}° off a right "
            "angle",
            _advice(path),
        )
    column = tuple(c - sine * r for c, r in zip(column, row, strict=True))
    length = math.hypot(*column)
    return row, tuple(part / length for part in column)


def _sorted(
    path: str, frames: tuple[Frame, ...], normal: Vector, pixel: float
) -> tuple[tuple[Frame, ...], float]:
    """Sort frames along the normal; return them and the step, negative if against the normal."""
    frames = tuple(sorted(frames, key=lambda f: _dot(f.position, normal)))
    along = [_dot(f.position, normal) for f in frames]
    _check_one_volume(path, frames, along, pixel)
    _check_straight(path, frames, normal, pixel)
    _check_even(path, along)
    step = (along[-1] - along[0]) / (len(frames) - 1)
    numbers = [f.number for f in frames]
    if all(numbers) and all(a > b for a, b in itertools.pairwise(numbers)):
        return frames[::-1], -step
    return frames, step


def _check_one_volume(
    path: str, frames: tuple[Frame, ...], along: list[float], pixel: float
) -> None:
    near = _SAME_PLACE * pixel
    places = [0, *itertools.accumulate(b - a > near for a, b in itertools.pairwise(along))]
    count = places[-1] + 1
    labels = [dict(f.labels) for f in frames]
    alone = len({f.file for f in frames}) == 1
    first = "convert it first" if alone else "load the files of one from a folder, or convert all"
    name = _telling(labels, places)
    if name:
        groups = collections.Counter(each.get(name, "unknown") for each in labels)
        listed = _counted(
            len(groups), [(f"{_WORDS[name]} {value}", n) for value, n in groups.items()]
        )
        raise FileError(
            path,
            f"its DICOM slices are of {len(groups)} volumes, told apart by {name}: {listed}",
            _advice(path, first),
        )
    if count < len(frames):
        times = len(frames) / count
        volumes = f", {times:.0f} at each" if times.is_integer() else ""
        raise FileError(
            path,
            f"its {len(frames)} DICOM slices lie at {count} places{volumes}: several volumes in "
            "one series (diffusion, time points), or slices that are there twice",
            _advice(path, first),
        )


def _telling(labels: list[dict[str, str]], places: list[int]) -> str:
    """Choose the label that separates volumes, preferably one slice per position and value."""
    several = places[-1] + 1 < len(places)
    varying = [name for name in LABELS if len({each.get(name, "unknown") for each in labels}) > 1]
    for name in varying if several else ():
        known = {(each.get(name), at) for each, at in zip(labels, places, strict=True)}
        if len(known) == len(places) and len({value for value, _ in known}) <= len(places) // 2:
            return name
    return next((name for name in varying if name in _ONE_A_VOLUME), "")


def _check_straight(path: str, frames: tuple[Frame, ...], normal: Vector, pixel: float) -> None:
    first, last = frames[0].position, frames[-1].position
    whole = tuple(b - a for a, b in zip(first, last, strict=True))
    length = math.hypot(*whole)
    height = _dot(whole, normal)
    drift = math.sqrt(max(length**2 - height**2, 0.0))
    if drift > max(_BESIDE * pixel, LARGEST_SHEAR * length):
        angle = math.degrees(math.atan2(drift, height))
        raise FileError(
            path,
            f"its DICOM slices are tilted: each begins {drift / (len(frames) - 1):.4g} mm beside "
            f"the one before, {angle:.4g}° off the normal (gantry tilt)",
            f"straighten it first: {_dcm2niix(path)}, which resamples tilted CT",
        )
    for frame in frames:
        step = tuple(b - a for a, b in zip(first, frame.position, strict=True))
        part = _dot(step, normal) / height if height else 0.0
        beside = math.dist(step, [part * w for w in whole])
        if beside > _BESIDE * pixel:
            raise FileError(
                path,
                f"its DICOM slices are no straight stack: `{frame.file}` lies {beside:.4g} mm "
                "beside the line from the first to the last",
                _advice(path),
            )


def _check_even(path: str, along: list[float]) -> None:
    steps = [b - a for a, b in itertools.pairwise(along)]
    spacing = (along[-1] - along[0]) / len(steps)
    off = max(abs(p - along[0] - k * spacing) for k, p in enumerate(along))
    if max(steps) - min(steps) <= _UNEVEN * spacing and off <= _UNEVEN * spacing:
        return
    smallest = min(steps)
    missing = [
        (k, round(step / smallest) - 1)
        for k, step in enumerate(steps)
        if step > (1 + _UNEVEN) * smallest
    ]
    if all(abs(step / smallest - round(step / smallest)) <= _UNEVEN for step in steps):
        count = sum(n for _, n in missing)
        k = missing[0][0]
        reason = (
            f"{count} {'is' if count == 1 else 'are'} missing"
            f", the first after slice {k + 1} ({along[k]:.4g} mm along their normal)"
        )
    else:
        reason = "some are missing, or it is no volume"
    raise FileError(
        path,
        f"its DICOM slices lie at uneven distances, {min(steps):.4g} to {max(steps):.4g} mm: "
        f"{reason}",
        f"complete the series, or convert it: {_dcm2niix(path)}, which resamples",
    )


def _dot(a: Vector, b: Vector) -> float:
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


def _dcm2niix(path: str) -> str:
    return f"dcm2niix -z y -o . {shlex.quote(path)}"


def _advice(path: str, first: str = "convert it first") -> str:
    return f"{first}: {_dcm2niix(path)}"
