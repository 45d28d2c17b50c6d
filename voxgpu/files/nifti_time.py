"""Time series in NIfTI files: the first volume, and the time step between volumes."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING

from voxgpu.files.nifti import HEADER_BYTES, NiftiHeader, nifti_header
from voxgpu.files.nifti_orientation import computed_fields
from voxgpu.image import Grid

if TYPE_CHECKING:
    from voxgpu.files.itk import Information

#: Bits of ``xyzt_units`` that encode the unit of time.
_TIME_UNITS = 0x38


def first_volume(information: Information) -> tuple[Information, int]:
    """The description of the first volume, and the number of volumes.

    Only time points count as volumes: an image of five axes is returned unchanged.
    """
    size = information.size
    if len(size) != 4 or size[3] == 1:
        return information, 1
    rank = 4 if len(information.direction) == 16 else 3
    direction = tuple(information.direction[rank * i + j] for i in range(3) for j in range(3))
    one = replace(
        information,
        size=size[:3],
        spacing=information.spacing[:3],
        origin=information.origin[:3],
        direction=direction,
    )
    return one, size[3]


def with_time(grid: Grid, header: NiftiHeader) -> Grid:
    """Add the time step (``pixdim[4]``) and its unit to the NIfTI fields of a grid."""
    if not header.version:
        return grid
    wide = header.version == 2
    form, at = (header.order + "d", 136) if wide else (header.order + "f", 92)
    (step,) = struct.unpack_from(form, header.raw, at)
    units = struct.unpack_from(header.order + "i", header.raw, 500)[0] if wide else header.raw[123]
    fields = bytearray(grid.nifti or computed_fields(grid))
    fields[-1] = (fields[-1] & ~_TIME_UNITS) | (units & _TIME_UNITS)
    return replace(grid, nifti=bytes(fields) + struct.pack("<f", step))


def volumes_header(grid: Grid, element: str, channels: int, count: int) -> bytes:
    """Encode the bytes before the voxels of a NIfTI-1 file of ``count`` volumes on a grid."""
    header = bytearray(nifti_header(grid, element, channels))
    assert len(header) == HEADER_BYTES
    struct.pack_into("<h", header, 40, 4)
    struct.pack_into("<h", header, 48, count)
    return bytes(header)
