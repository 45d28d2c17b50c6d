"""Where a NIfTI header places its voxels: by the sform, the qform or the spacing alone.

The sform is taken where its code is positive, else the qform where its code is, else the spacing
alone, with axes to the left, anterior and superior and the middle at 0, as nibabel does.
"""

from __future__ import annotations

import itertools
import math
import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voxgpu.files.errors import FileError
from voxgpu.files.geometry import LARGEST_SHEAR, shear
from voxgpu.files.nifti import NiftiHeader

Matrix = npt.NDArray[np.float64]

#: Two forms that place voxels farther apart, in smallest spacings, differ.
_DISAGREEMENT = 1e-2

#: What float32 makes of the length of a column of an sform, relatively.
_SINGLE = 2e-6

_MM = {1: 1000.0, 2: 1.0, 3: 0.001}


@dataclass(frozen=True, slots=True)
class Placement:
    """Where voxels lie: three axes, x first; patient coordinates (left, posterior, superior).

    spacing    mm
    origin     mm, center of the first voxel
    direction  row-major matrix of direction cosines
    warnings   what is odd, and what was taken
    as_said    whether the header's fields, written to another file, would place voxels here
    chosen     whether an option decided between two forms
    sheared    what to do where the axes are not at right angles; empty: nothing special
    """

    spacing: tuple[float, ...]
    origin: tuple[float, ...]
    direction: tuple[float, ...]
    warnings: tuple[str, ...]
    as_said: bool
    chosen: bool
    sheared: str


@dataclass(frozen=True, slots=True)
class _Fields:
    """The header's fields that say where voxels lie, lengths in mm."""

    qform_code: int
    sform_code: int
    quaternion: tuple[float, ...]
    offset: tuple[float, ...]
    rows: Matrix
    handedness: float
    pixdim: tuple[float, ...]
    size: tuple[int, ...]


def placement(place: str, header: NiftiHeader, form: str = "") -> Placement:
    """Where the voxels lie; ``form``, ``sform`` or ``qform``, is taken where the header has both.

    Raises FileError where what is taken says nothing of use.
    """
    fields = _fields(header)
    warnings = []
    has_sform, has_qform = fields.sform_code > 0, fields.qform_code > 0
    broken = has_sform and not _spans(fields.rows[:, :3], fields.size)
    if broken and not has_qform:
        raise FileError(place, "its header is damaged: the axes of its sform do not span space")
    by_sform = has_sform and not broken and not (form == "qform" and has_qform)
    if broken:
        warnings.append("the axes of its sform do not span space; the qform was taken")
    if by_sform:
        affine = _mended(fields)
        lengths = np.linalg.norm(affine[:, :3], axis=0).tolist()
        spacing = tuple(map(_decimal_length, lengths, fields.pixdim))
        if any(not _is_length(each) for each in fields.pixdim[: len(fields.size)]):
            warnings.append(
                f"it says that the spacing is {_listed(fields.pixdim)} mm; "
                f"that of its sform was taken, {_listed(spacing)} mm"
            )
        elif not has_qform and _scales_differ(spacing, fields):
            warnings.append(
                f"its sform has a spacing of {_listed(spacing)} mm, its pixdim says "
                f"{_listed(fields.pixdim)} mm; the sform was taken"
            )
    else:
        lengths, said = _checked_spacing(place, fields)
        warnings += said
        spacing = tuple(map(_decimal, lengths))
        affine = _by_qform(fields, lengths) if has_qform else _by_spacing(fields, lengths)
    if not has_sform and not has_qform:
        warnings.append(
            "it has no sform and no qform, which say where it lies: axes to the left, anterior and "
            "superior were taken, and its middle at 0"
        )
    chosen = has_sform and has_qform and not broken and not by_sform
    as_said = not broken and all(map(_is_length, fields.pixdim[: len(fields.size)]))
    if has_sform and has_qform and not broken:
        warnings += _disagreement(fields, spacing, by_sform)
    columns = affine[:, :3] / np.linalg.norm(affine[:, :3], axis=0)
    flipped = np.diag([-1.0, -1.0, 1.0])
    return Placement(
        spacing,
        tuple(map(float, flipped @ affine[:, 3])),
        tuple(map(float, (flipped @ columns).ravel())),
        tuple(warnings),
        as_said and not chosen,
        chosen,
        _advice(fields) if by_sform and has_qform else "",
    )


def _fields(header: NiftiHeader) -> _Fields:
    raw, order = header.raw, header.order
    if header.version == 2:
        codes = struct.unpack_from(order + "2i", raw, 344)
        numbers = struct.unpack_from(order + "18d", raw, 352)
        pixdim = struct.unpack_from(order + "4d", raw, 104)
        units = struct.unpack_from(order + "i", raw, 500)[0]
    else:
        codes = struct.unpack_from(order + "2h", raw, 252)
        numbers = struct.unpack_from(order + "18f", raw, 256)
        pixdim = struct.unpack_from(order + "4f", raw, 76)
        units = raw[123]
    mm = _MM.get(units & 7, 1.0)
    return _Fields(
        qform_code=codes[0],
        sform_code=codes[1],
        quaternion=numbers[:3],
        offset=tuple(each * mm for each in numbers[3:6]),
        rows=np.array(numbers[6:]).reshape(3, 4) * mm,
        handedness=-1.0 if pixdim[0] < 0 else 1.0,
        pixdim=tuple(_decimal(each) * mm if mm != 1 else each for each in pixdim[1:]),
        size=header.dim[:3],
    )


def _spans(columns: Matrix, size: tuple[int, ...]) -> bool:
    """Whether the columns of axes of more than one voxel, which can be mended, span them."""
    needed = [axis for axis in range(3) if axis < len(size) and size[axis] > 1]
    lengths = np.linalg.norm(columns[:, needed], axis=0)
    if not needed:
        return True
    if not np.isfinite(columns).all() or not (lengths > 1e-12).all():
        return False
    return bool(np.linalg.matrix_rank(columns[:, needed] / lengths, 1e-6) == len(needed))


def _mended(fields: _Fields) -> Matrix:
    """The sform; an axis of one voxel that it says nothing of is put at right angles."""
    affine = fields.rows.copy()
    for axis in range(3):
        others = [each for each in range(3) if each != axis]
        is_thin = axis >= len(fields.size) or fields.size[axis] == 1
        if is_thin and not np.linalg.norm(affine[:, axis]) > 1e-12:
            normal = np.cross(affine[:, others[0]], affine[:, others[1]])
            if axis == 1:
                normal = -normal
            length = np.linalg.norm(normal)
            along = normal / length if length > 1e-12 else np.eye(3)[axis]
            given = fields.pixdim[axis]
            affine[:, axis] = along * (given if _is_length(given) else 1.0)
    return affine


def _checked_spacing(place: str, fields: _Fields) -> tuple[list[float], list[str]]:
    """The spacing of the header, a length but along axes of one voxel; a sign is dropped."""
    lengths, warnings = [], []
    for axis, (name, given) in enumerate(zip("xyz", fields.pixdim, strict=True)):
        if _is_length(given):
            lengths.append(given)
            continue
        if axis < len(fields.size) and fields.size[axis] > 1:
            said = f"it says that the spacing along {name} is {given:g}"
            if not -math.inf < given < 0:
                raise FileError(place, f"its header is damaged: {said}")
            # nibabel and FSL take the length, too.
            warnings.append(f"{said}; {-given:g} was taken")
            lengths.append(-given)
            continue
        if axis < len(fields.size):
            warnings.append(f"it says that its one voxel along {name} is {given:g} mm; 1 was taken")
        lengths.append(1.0)
    return lengths, warnings


def _is_length(number: float) -> bool:
    return math.isfinite(number) and number > 0


def _by_qform(fields: _Fields, lengths: list[float]) -> Matrix:
    """The affine matrix of the qform, after the comments of nifti1.h, method 2."""
    b, c, d = fields.quaternion
    rest = 1.0 - (b * b + c * c + d * d)
    if rest < 1e-7:  # a half turn; float32 may have rounded it to more than that
        scale = 1.0 / math.sqrt(b * b + c * c + d * d)
        a, b, c, d = 0.0, b * scale, c * scale, d * scale
    else:
        a = math.sqrt(rest)
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
        ]
    )
    steps = np.array(lengths) * [1.0, 1.0, fields.handedness]
    return np.column_stack([rotation * steps, fields.offset])


def _by_spacing(fields: _Fields, lengths: list[float]) -> Matrix:
    """Axes to the left, anterior and superior, the middle of the image at 0, as nibabel has it."""
    steps = np.array(lengths) * [-1.0, 1.0, 1.0]
    middle = (np.array((*fields.size, 1, 1)[:3]) - 1) / 2
    return np.column_stack([np.diag(steps), -middle * steps])


def _scales_differ(spacing: tuple[float, ...], fields: _Fields) -> bool:
    return any(
        abs(own - given) * max(size - 1, 1) > _DISAGREEMENT * own
        for own, given, size in zip(spacing, fields.pixdim, fields.size, strict=False)
    )


def _disagreement(fields: _Fields, spacing: tuple[float, ...], by_sform: bool) -> list[str]:
    """A warning where both forms are set and place voxels differently."""
    if any(not _is_length(each) for each in fields.pixdim[: len(fields.size)]):
        return []
    lengths = [each if _is_length(each) else 1.0 for each in fields.pixdim]
    apart = _mended(fields) - _by_qform(fields, lengths)
    ends = [(0, size - 1) for size in (*fields.size, 1, 1)[:3]]
    corners = np.array([(*corner, 1) for corner in itertools.product(*ends)])
    distance = float(np.linalg.norm(apart @ corners.T, axis=0).max())
    voxels = distance / min(spacing)
    if voxels <= _DISAGREEMENT:
        return []
    taken, other = ("sform", "qform") if by_sform else ("qform", "sform")
    scales = np.linalg.norm(fields.rows[:, :3], axis=0)
    sizes = ""
    if _scales_differ(tuple(map(float, scales)), fields):
        sizes = (
            f", with a spacing of {_listed(tuple(map(float, scales)))} mm by the sform and "
            f"{_listed(fields.pixdim)} mm by the qform"
        )
    return [
        f"its sform and its qform place voxels up to {distance:.4g} mm = {voxels:.4g} voxels "
        f"apart{sizes}; the {taken} was taken (--nifti-form {other} takes the other)"
    ]


def _advice(fields: _Fields) -> str:
    """What to do about a sheared sform where there is a qform, which never is."""
    if shear([list(column) for column in fields.rows[:, :3].T]) <= LARGEST_SHEAR:
        return ""
    return "its qform is not sheared: --nifti-form qform takes that"


def _decimal(number: float) -> float:
    """A float32 as the shortest decimal that is rounded to it: 1.2 for 1.2000000477."""
    single = np.float32(number)
    return float(str(single)) if float(single) == number else number


def _decimal_length(length: float, given: float) -> float:
    """The length of a column of an sform, as the decimal that it was made of where that shows."""
    if _is_length(given) and abs(length - given) <= _SINGLE * length:
        return _decimal(given)
    short = float(f"{length:.6g}")
    return short if abs(length - short) <= _SINGLE / 10 * length else float(length)


def _listed(numbers: tuple[float, ...]) -> str:
    return "×".join(f"{number:.7g}" for number in numbers)
