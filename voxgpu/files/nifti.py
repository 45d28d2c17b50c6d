"""NIfTI headers: parsing of their bytes, and encoding of new ones.

The formats are those of nifti1.h (https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h),
nifti2.h, and of ANALYZE 7.5, whose layout NIfTI-1 took over.
"""

from __future__ import annotations

import math
import struct
import sys

from voxgpu.float32 import as_float32
from voxgpu.frozen import frozen
from voxgpu.image import Grid
from voxgpu.types import ELEMENT_BYTES

#: Bytes before the voxels of a NIfTI-1 file: 348 of header, 4 that say "no extensions".
HEADER_BYTES = 352

#: Code of the voxel type: NumPy's name and channels.
DATATYPES = {
    2: ("uint8", 1),
    4: ("int16", 1),
    8: ("int32", 1),
    16: ("float32", 1),
    64: ("float64", 1),
    128: ("uint8", 3),
    256: ("int8", 1),
    512: ("uint16", 1),
    768: ("uint32", 1),
    1024: ("int64", 1),
    1280: ("uint64", 1),
    2304: ("uint8", 4),
}

_UNREADABLE_DATATYPES = {
    1: "single bits",
    32: "complex numbers",
    1536: "128-bit floating-point numbers",
    1792: "complex numbers",
    2048: "complex numbers",
}

#: Intent code of images with several components per voxel, stored component by component.
VECTOR_INTENT = 1007

_MATRIX_INTENTS = (1004, 1005)

#: ITK scales by slope and intercept only if they differ from 1 and 0 by more than this.
EPSILON = sys.float_info.epsilon

#: The largest number of voxels along an axis: dimensions are signed 16-bit integers.
LARGEST_AXIS = 32767

#: Offsets and formats (`struct`) of the fields that give the geometry, in this order: qform_code
#: sform_code, quatern_b c d, qoffset_x y z, srow_x y z, pixdim[0..3], xyzt_units.
_ORIENTATION = ((252, "2h"), (256, "6f"), (280, "12f"), (76, "4f"), (123, "B"))


@frozen(slots=True)
class NiftiHeader:
    """The fields of a NIfTI-1, NIfTI-2 or ANALYZE header that matter for reading voxels.

    raw        the header's bytes, as in the file
    version    0 (ANALYZE), 1 or 2
    single     whether the voxels follow in the same file
    order      byte order, ``<`` or ``>``
    dim        voxels along x, y, z, t, u, v, w; only the axes that the header declares
    intent     intent code; only `VECTOR_INTENT` matters
    datatype   code of the voxel type
    pixdim     spacing along x, y, z, in the header's units
    offset     bytes before the voxels, in the file that holds them
    slope      factor of stored values; the value is slope × stored + intercept, unless slope is 0
               or not a number
    intercept  see ``slope``
    """

    raw: bytes
    version: int
    single: bool
    order: str
    dim: tuple[int, ...]
    intent: int
    datatype: int
    pixdim: tuple[float, ...]
    offset: float
    slope: float
    intercept: float

    @property
    def scaling(self) -> tuple[float, float]:
        """Slope and intercept to apply; (1, 0) if the header says not to scale (slope 0 or NaN)."""
        if not math.isfinite(self.slope) or self.slope == 0:
            return 1.0, 0.0
        slope, intercept = self.slope, self.intercept if math.isfinite(self.intercept) else 0.0
        if abs(slope - 1.0) > EPSILON or abs(intercept) > EPSILON:
            return slope, intercept
        return 1.0, 0.0

    @property
    def element(self) -> str:
        """NumPy's name of the voxel type after reading: float32 for integers that are scaled."""
        stored = DATATYPES[self.datatype][0]
        scaled = self.scaling != (1.0, 0.0) and not stored.startswith("float")
        return "float32" if scaled else stored

    @property
    def oddities(self) -> tuple[str, ...]:
        """Warnings about implausible fields, each with the interpretation taken."""
        warnings = []
        wide = self.version == 2
        form, at = self.order + ("8q" if wide else "8h"), 16 if wide else 40
        rank, *dim = struct.unpack_from(form, self.raw, at)
        zero = [name for name, size in zip("tuvw", dim[3:rank], strict=False) if size == 0]
        if zero:
            warnings.append(
                f"it says that there are 0 voxels along {' and '.join(zero)}; 1 was taken"
            )
        if self.scaling != (1.0, 0.0) and not math.isfinite(self.intercept):
            warnings.append(f"its intercept is {self.intercept:g}; 0 was taken")
        return tuple(warnings)

    @property
    def components(self) -> int:
        """Number of stored values: voxels times channels; for a header without `defect`."""
        return math.prod(self.dim) * DATATYPES[self.datatype][1]

    @property
    def voxel_bytes(self) -> int:
        """Bytes of all voxels as stored; for a header without `defect`."""
        return self.components * ELEMENT_BYTES[DATATYPES[self.datatype][0]]


def parse(header: bytes) -> NiftiHeader | None:
    """Parse a header of either byte order at the start of these bytes; None if it is invalid."""
    if len(header) < 348:
        return None
    for order in "<>":
        size = struct.unpack_from(order + "i", header)[0]
        if size == 348:
            return _first_version(header[:348], order)
        if size == 540 and len(header) >= 540:
            return _second_version(header[:540], order)
    return None


def _first_version(raw: bytes, order: str) -> NiftiHeader:
    magic = raw[344:348]
    rank, *dim = struct.unpack_from(order + "8h", raw, 40)
    pixdim = struct.unpack_from(order + "8f", raw, 76)
    offset, slope, intercept = struct.unpack_from(order + "3f", raw, 108)
    is_nifti = magic in (b"n+1\0", b"ni1\0")
    return NiftiHeader(
        raw=raw,
        version=int(is_nifti),
        single=magic == b"n+1\0",
        order=order,
        dim=_used(max(rank, 0), tuple(dim)),
        intent=struct.unpack_from(order + "h", raw, 68)[0] if is_nifti else 0,
        datatype=struct.unpack_from(order + "h", raw, 70)[0],
        pixdim=pixdim[1:4],
        offset=offset,
        slope=slope if is_nifti else 0.0,  # ANALYZE has no scaling at this offset
        intercept=intercept if is_nifti else 0.0,
    )


def _second_version(raw: bytes, order: str) -> NiftiHeader:
    rank, *dim = struct.unpack_from(order + "8q", raw, 16)
    pixdim = struct.unpack_from(order + "8d", raw, 104)
    return NiftiHeader(
        raw=raw,
        version=2,
        single=raw[4:8] == b"n+2\0",
        order=order,
        dim=_used(max(rank, 0), tuple(dim)),
        intent=struct.unpack_from(order + "i", raw, 504)[0],
        datatype=struct.unpack_from(order + "h", raw, 12)[0],
        pixdim=pixdim[1:4],
        offset=float(struct.unpack_from(order + "q", raw, 168)[0]),
        slope=struct.unpack_from(order + "d", raw, 176)[0],
        intercept=struct.unpack_from(order + "d", raw, 184)[0],
    )


def defect(header: NiftiHeader) -> str:
    """Why no image can be read with this header, or empty; does not check the geometry."""
    rank = struct.unpack_from(*_rank_place(header))[0]
    if not 1 <= rank <= 7:
        return f"its header is damaged: it says that the image has {rank} dimensions"
    for axis, size in zip("xyztuvw", header.dim, strict=False):
        if size < 1:
            return f"its header is damaged: it says that there are {size} voxels along {axis}"
    if header.datatype not in DATATYPES:
        kind = _UNREADABLE_DATATYPES.get(header.datatype, f"of unknown type {header.datatype}")
        return f"its voxels are {kind}, which cannot be used here"
    if header.intent in _MATRIX_INTENTS:
        return "its voxels are matrices, which cannot be used here"
    if not (math.isfinite(header.offset) and header.offset >= 0):
        return f"its header is damaged: it says that the voxels begin at byte {header.offset:g}"
    return ""


def _used(rank: int, dim: tuple[int, ...]) -> tuple[int, ...]:
    """The axes in use; some tools write 0 instead of 1 for axes beyond z."""
    return tuple(1 if axis > 2 and size == 0 else size for axis, size in enumerate(dim[:rank]))


def _rank_place(header: NiftiHeader) -> tuple[str, bytes, int]:
    if header.version == 2:
        return header.order + "q", header.raw, 16
    return header.order + "h", header.raw, 40


def orientation_fields(header_bytes: bytes) -> bytes:
    """The geometry fields of a NIfTI-1 header, bit for bit, little-endian.

    qform_code, sform_code, quatern_b c d, qoffset_x y z, srow_x y z, pixdim[0..3] and xyzt_units,
    93 bytes. Empty for NIfTI-2 (its fields are wider), ANALYZE, and for bytes that are not a
    header.
    """
    header = parse(header_bytes)
    if header is None or header.version != 1:
        return b""
    return b"".join(
        struct.pack("<" + form, *struct.unpack_from(header.order + form, header.raw, offset))
        for offset, form in _ORIENTATION
    )


def nifti_header(grid: Grid, element: str, channels: int) -> bytes:
    """Encode the 352 bytes before the voxels of a little-endian NIfTI-1 file.

    The geometry is copied bit for bit from ``grid.nifti`` if the grid has it, else computed from
    the grid (``voxgpu.files.nifti_orientation``). Voxels follow x first; uint8 colors as RGB or
    RGBA, others component by component. The grid must have at most `LARGEST_AXIS` voxels along each
    axis.
    """
    from voxgpu.files.nifti_orientation import computed_fields

    packed = channels > 1 and element == "uint8"
    stored = next(c for c, t in DATATYPES.items() if t == (element, channels if packed else 1))
    size = tuple(reversed(grid.shape))
    dim = [len(size), *size, *(1,) * (7 - len(size))]
    vector = channels > 1 and not packed
    if vector:
        dim[0], dim[5] = 5, channels
    bits = 8 * ELEMENT_BYTES[element] * (channels if packed else 1)
    header = bytearray(HEADER_BYTES)
    header[38] = ord("r")  # "regular", which some readers of ANALYZE require
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, *dim)
    struct.pack_into("<3h", header, 68, VECTOR_INTENT if vector else 0, stored, bits)
    struct.pack_into("<8f", header, 76, *(1.0,) * 8)
    struct.pack_into("<3f", header, 108, float(HEADER_BYTES), 1.0, 0.0)
    struct.pack_into("<6s", header, 148, b"voxgpu")
    struct.pack_into("<4s", header, 344, b"n+1\0")
    _put_orientation(header, grid.nifti or computed_fields(grid))
    return bytes(header)


def _put_orientation(header: bytearray, fields: bytes) -> None:
    at = 0
    for offset, form in _ORIENTATION:
        length = struct.calcsize("<" + form)
        header[offset : offset + length] = fields[at : at + length]
        at += length
    # The remaining fields are the time step, for images from a file of several volumes.
    header[92 : 92 + len(fields) - at] = fields[at:]


def as_first_version(header: NiftiHeader) -> bytes:
    """Encode a NIfTI-1 single-file header that describes the same image as ``header``.

    For NIfTI-2, which ITK does not read. Fields that do not affect the geometry are left out, and
    64-bit numbers are rounded to 32 bits. Dimensions must fit.
    """
    raw, order = header.raw, header.order
    if header.version < 2:
        first = bytearray(raw + bytes(4))
        struct.pack_into(order + "f", first, 108, float(HEADER_BYTES))
        first[344:348] = b"n+1\0"
        return bytes(first)
    dim = struct.unpack_from(order + "8q", raw, 16)
    first = bytearray(HEADER_BYTES)
    struct.pack_into("<i", first, 0, 348)
    struct.pack_into("<8h", first, 40, dim[0], *(max(size, 1) for size in dim[1:]))
    struct.pack_into("<2h", first, 68, header.intent, header.datatype)
    first[76:108] = _single(struct.unpack_from(order + "8d", raw, 104))
    first[108:120] = _single((HEADER_BYTES, header.slope, header.intercept))
    first[123] = struct.unpack_from(order + "i", raw, 500)[0] & 0xFF
    struct.pack_into("<2h", first, 252, *struct.unpack_from(order + "2i", raw, 344))
    first[256:328] = _single(struct.unpack_from(order + "18d", raw, 352))
    first[344:348] = b"n+1\0"
    return bytes(first)


def _single(values: tuple[float, ...]) -> bytes:
    # Not `struct`, which raises on overflow, where NumPy yields infinity.
    return as_float32(values).astype("<f4").tobytes()
