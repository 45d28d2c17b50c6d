"""Geometry of a NIfTI image: from the sform, the qform or the spacing alone.

The sform is used if its code is positive, else the qform if its code is positive, else the spacing
alone, with axes to the left, anterior and superior and the center at 0, as in nibabel.
"""

from __future__ import annotations

import itertools
import math
import struct

import numpy as np
import numpy.typing as npt

from voxgpu.files.errors import FileError
from voxgpu.files.geometry import LARGEST_SHEAR, shear
from voxgpu.files.nifti import NiftiHeader
from voxgpu.frozen import frozen

Matrix = npt.NDArray[np.float64]

#: Forms that place voxels farther apart than this fraction of the smallest spacing disagree.
_DISAGREEMENT = 1e-2

#: Relative rounding error of the length of an sform column in float32.
_SINGLE = 2e-6

_MM = {1: 1000.0, 2: 1.0, 3: 0.001}


@frozen(slots=True)
class Placement:
    """Three axes, x first, in patient coordinates (left, posterior, superior).

    spacing    mm
    origin     mm, center of the first voxel
    direction  row-major matrix of direction cosines
    warnings   irregularities, each with the interpretation taken
    as_said    whether the header's fields, copied to another file, would give this placement
    chosen     whether an option decided between two forms
    sheared    advice if the axes are not at right angles; empty for the general advice
    """

    spacing: tuple[float, ...]
    origin: tuple[float, ...]
    direction: tuple[float, ...]
    warnings: tuple[str, ...]
    as_said: bool
    chosen: bool
    sheared: str


@frozen(slots=True)
class _Fields:
    """The geometry fields of the header, lengths in mm."""

    qform_code: int
    sform_code: int
    quaternion: tuple[float, ...]
    offset: tuple[float, ...]
    rows: Matrix
    handedness: float
    pixdim: tuple[float, ...]
    size: tuple[int, ...]


def placement(path: str, header: NiftiHeader, form: str = "") -> Placement:
    """Place the voxels; ``form`` (``sform`` or ``qform``) decides if the header has both.

    Raises FileError if the fields in use are invalid.
    """
    fields = _fields(header)
    warnings = []
    has_sform, has_qform = fields.sform_code > 0, fields.qform_code > 0
    broken = has_sform and not _spans(fields.rows[:, :3], fields.size)
    if broken and not has_qform:
        raise FileError(path, "its header is damaged: the axes of its sform do not span space")
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
        lengths, oddities = _checked_spacing(path, fields)
        warnings += oddities
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
    """Whether the columns of the axes with several voxels are linearly independent."""
    needed = [axis for axis in range(3) if axis < len(size) and size[axis] > 1]
    lengths = np.linalg.norm(columns[:, needed], axis=0)
    if not needed:
        return True
    if not np.isfinite(columns).all() or not (lengths > 1e-12).all():
        return False
    return bool(np.linalg.matrix_rank(columns[:, needed] / lengths, 1e-6) == len(needed))


def _mended(fields: _Fields) -> Matrix:
    """The sform; an axis of one voxel without a direction gets one at right angles."""
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


def _checked_spacing(path: str, fields: _Fields) -> tuple[list[float], list[str]]:
    """The spacing in the header: a length, except along axes of one voxel; a sign is dropped."""
    lengths, warnings = [], []
    for axis, (name, spacing) in enumerate(zip("xyz", fields.pixdim, strict=True)):
        if _is_length(spacing):
            lengths.append(spacing)
            continue
        if axis < len(fields.size) and fields.size[axis] > 1:
            reason = f"it says that the spacing along {name} is {spacing:g}"
            if not -math.inf < spacing < 0:
                raise FileError(path, f"its header is damaged: {reason}")
            # nibabel and FSL use the absolute value, too.
            warnings.append(f"{reason}; {-spacing:g} was taken")
            lengths.append(-spacing)
            continue
        if axis < len(fields.size):
            warnings.append(
                f"it says that its one voxel along {name} is {spacing:g} mm; 1 was taken"
            )
        lengths.append(1.0)
    return lengths, warnings


def _is_length(number: float) -> bool:
    return math.isfinite(number) and number > 0


def _by_qform(fields: _Fields, lengths: list[float]) -> Matrix:
    """The affine matrix of the qform, following the comments of nifti1.h, method 2."""
    b, c, d = fields.quaternion
    rest = 1.0 - (b * b + c * c + d * d)
    if rest < 1e-7:  # a half turn; float32 may have rounded it beyond
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
    """Axes to the left, anterior and superior, the image centered at 0, as in nibabel."""
    steps = np.array(lengths) * [-1.0, 1.0, 1.0]
    middle = (np.array((*fields.size, 1, 1)[:3]) - 1) / 2
    return np.column_stack([np.diag(steps), -middle * steps])


def _scales_differ(spacing: tuple[float, ...], fields: _Fields) -> bool:
    return any(
        abs(own - given) * max(size - 1, 1) > _DISAGREEMENT * own
        for own, given, size in zip(spacing, fields.pixdim, fields.size, strict=False)
    )


def _disagreement(fields: _Fields, spacing: tuple[float, ...], by_sform: bool) -> list[str]:
    """A warning if both forms are set and place voxels differently."""
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
    """Advice about a sheared sform if there is a qform, which is never sheared."""
    if shear([list(column) for column in fields.rows[:, :3].T]) <= LARGEST_SHEAR:
        return ""
    return "its qform is not sheared: --nifti-form qform takes that"


def _decimal(number: float) -> float:
    """A float32 as the shortest decimal that rounds to it: 1.2 for 1.2000000477."""
    single = np.float32(number)
    return float(str(single)) if float(single) == number else number


def _decimal_length(length: float, spacing: float) -> float:
    """The length of an sform column, as the decimal it was computed from if that is apparent."""
    if _is_length(spacing) and abs(length - spacing) <= _SINGLE * length:
        return _decimal(spacing)
    short = float(f"{length:.6g}")
    return short if abs(length - short) <= _SINGLE / 10 * length else float(length)


def _listed(numbers: tuple[float, ...]) -> str:
    return "×".join(f"{number:.7g}" for number in numbers)
