"""Detection of truncated image files, which ITK reads in several formats without complaint.

Files are compared with what their headers promise, if possible without reading voxels. Formats that
are not covered here are left to ITK.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from voxgpu.files.detached import Packing, check_sizes, packing_of
from voxgpu.files.errors import FileError
from voxgpu.files.nifti_read import LARGEST_RATIO
from voxgpu.files.paths import beginning, file_size
from voxgpu.files.raster import is_raster, largest_ratio, raster_defect

_CHUNK_BYTES = 1 << 20

#: Bytes of header before the raw voxels, of formats identified by their suffix.
_FIXED_HEADERS = {".gipl": 256, ".mrc": 1024, ".rec": 1024}


def check_whole(path: str, voxel_bytes: int) -> None:
    """Raise FileError if the file is too short for the ``voxel_bytes`` of its image.

    Also raised, before memory is allocated, if the header claims more than any compression could
    hold.
    """
    start = beginning(path, 64)
    if packing := packing_of(path):
        _check_packed(packing, voxel_bytes)
    elif is_raster(start):
        _check_raster(path, voxel_bytes)
    elif Path(path).suffix.lower() in _FIXED_HEADERS:
        promised = _FIXED_HEADERS[Path(path).suffix.lower()] + voxel_bytes
        _check_promise(path, promised, file_size(path))
    elif start.startswith(b"# vtk DataFile"):
        _check_vtk(path, voxel_bytes)


def check_unpacks(path: str, voxel_bytes: int) -> None:
    """Raise FileError if the zlib data of a MetaImage is damaged, which ITK only prints.

    Also raised, before more is decompressed, if it holds more than the ``voxel_bytes`` of the
    image.
    """
    packing = packing_of(path)
    if packing is None or packing.packing != "zlib":
        return
    from isal import isal_zlib

    damage: Any = isal_zlib.error
    unpack = isal_zlib.decompressobj()
    source = packing.sources[0]
    unpacked = 0
    try:
        with Path(source).open("rb") as file:
            file.seek(packing.offset)
            while not unpack.eof:
                packed = unpack.unconsumed_tail or file.read(_CHUNK_BYTES)
                if not packed:
                    break
                unpacked += len(unpack.decompress(packed, _CHUNK_BYTES))
                if unpacked > voxel_bytes:
                    raise FileError(
                        source,
                        "its compressed data holds more than the "
                        f"{voxel_bytes:,} bytes of voxels that its header promises",
                    )
    except damage as error:
        raise FileError(source, f"its compressed data is damaged ({error})") from None
    if not unpack.eof:
        raise FileError(source, "truncated: its compressed data ends too early")


def _check_packed(packing: Packing, voxel_bytes: int) -> None:
    check_sizes(packing, voxel_bytes)
    size = sum(file_size(path) for path in packing.sources)
    if packing.packing in ("gzip", "zlib"):
        _check_claim(packing.sources[0], voxel_bytes, size, LARGEST_RATIO)


def _check_raster(path: str, voxel_bytes: int) -> None:
    if reason := raster_defect(path):
        raise FileError(path, reason)
    _check_claim(path, voxel_bytes, file_size(path), largest_ratio(path))


def _check_claim(path: str, voxel_bytes: int, size: int, ratio: float) -> None:
    if voxel_bytes > ratio * size:
        raise FileError(
            path,
            f"the header claims {voxel_bytes:,} bytes of voxels, but {size:,} bytes of compressed "
            f"data cannot hold more than {ratio * size:,.0f}",
        )


def _check_promise(path: str, promised: int, size: int) -> None:
    if promised > size:
        raise FileError(path, f"truncated: header promises {promised:,} bytes, file has {size:,}")


def _check_vtk(path: str, voxel_bytes: int) -> None:
    """Check a legacy VTK file: raw numbers follow a last text line that names a table or voxels."""
    start = beginning(path, 1024)
    if start.split(b"\n")[2:3] != [b"BINARY"]:
        return
    at = max(start.rfind(word) for word in (b"LOOKUP_TABLE", b"COLOR_SCALARS", b"VECTORS"))
    end = start.find(b"\n", at)
    if at >= 0 and end >= 0:
        _check_promise(path, end + 1 + voxel_bytes, file_size(path))
