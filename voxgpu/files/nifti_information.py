"""The image that a NIfTI header describes: size, geometry, voxel type and warnings."""

from __future__ import annotations

from voxgpu.files.errors import FileError
from voxgpu.files.isolated_reader import limits_of, read_isolated
from voxgpu.files.itk import Information, information
from voxgpu.files.nifti import (
    DATATYPES,
    VECTOR_INTENT,
    NiftiHeader,
    orientation_fields,
    parse,
)
from voxgpu.files.nifti_geometry import placement
from voxgpu.files.options import ReadOptions
from voxgpu.frozen import frozen
from voxgpu.itk.images import ELEMENTS
from voxgpu.temporary_files import temporary_folder

_NAMES = {element: name for name, element in ELEMENTS.items()}


@frozen(slots=True)
class NiftiImage:
    """An image that a NIfTI header describes.

    information  size, geometry and voxel type
    fields       the header's geometry fields, if they agree with the geometry taken; else empty
    warnings     irregularities, each with the interpretation taken
    reading      decisions that options made
    sheared      advice if the axes are not at right angles
    """

    information: Information
    fields: bytes
    warnings: tuple[str, ...]
    reading: tuple[str, ...]
    sheared: str


def nifti_information(path: str, header: NiftiHeader, options: ReadOptions) -> NiftiImage:
    """Describe the image of a header; raises FileError if the header is invalid."""
    zeros = ("zeros",) if options.zeros and header.element.startswith("float") else ()
    if header.version == 0:
        return NiftiImage(_analyze(path, header), b"", (), zeros, "")
    where = placement(path, header, options.nifti_form)
    size, channels = header.dim, DATATYPES[header.datatype][1]
    if header.intent == VECTOR_INTENT and len(size) == 5:
        size, channels = size[:4], channels * size[-1]
    while len(size) > 3 and size[-1] == 1:
        size = size[:-1]
    rank = min(len(size), 3)
    voxel = _NAMES[header.element]
    described = Information(
        size=size,
        spacing=where.spacing[:rank],
        origin=where.origin[:rank],
        direction=tuple(where.direction[3 * i + j] for i in range(rank) for j in range(rank)),
        voxel=f"vector of {voxel}" if channels > 1 else voxel,
        channels=channels,
    )
    warnings = list(header.oddities)
    if not header.single and path.lower().endswith((".nii", ".nii.gz")):
        warnings.append("it says that the voxels are in another file; those here were taken")
    if header.single and _offset_said(header) != header.offset:
        warnings.append(
            f"it says that the voxels begin at byte {_offset_said(header):g}, within the header; "
            f"byte {header.offset:g} was taken"
        )
    reading = (*zeros, *(("qform",) if where.chosen else ()))
    fields = orientation_fields(header.raw) if where.as_said else b""
    return NiftiImage(described, fields, (*warnings, *where.warnings), reading, where.sheared)


def _offset_said(header: NiftiHeader) -> float:
    described = parse(header.raw)
    return described.offset if described else header.offset


def _analyze(path: str, header: NiftiHeader) -> Information:
    """ITK's description of an ANALYZE header, obtained through a temporary file."""
    with temporary_folder("header") as folder:
        (folder / "header.img").touch()
        shown = folder / "header.hdr"
        shown.write_bytes(header.raw)
        try:
            within = limits_of([str(shown)])
            return read_isolated(str(shown), within, information, str(shown), "NiftiImageIO")
        except FileError as problem:
            raise FileError(path, problem.reason.replace(str(shown), "it")) from None
