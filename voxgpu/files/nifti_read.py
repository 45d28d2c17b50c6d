"""Reading of NIfTI files: finding header and voxel file, checking sizes, decoding voxels.

Voxels are read here and not by ITK, for three reasons: ITK takes the voxels of ``a.nii.gz`` from
``a.nii`` if both exist (ITK issue 2243), reads a truncated file as if zeros followed, and is
slower. The result equals SimpleITK's bit for bit wherever that is right; values that are not finite
are kept.
"""

from __future__ import annotations

import io
import os
import struct
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from voxgpu.files.errors import FileError
from voxgpu.files.nifti import (
    DATATYPES,
    HEADER_BYTES,
    LARGEST_AXIS,
    VECTOR_INTENT,
    NiftiHeader,
    as_first_version,
    defect,
    orientation_fields,
    parse,
)
from voxgpu.files.paths import beginning, existing_path, file_size, os_reason
from voxgpu.files.suffixes import NIFTI

_SUFFIXES = (*NIFTI, *(f"{each}.gz" for each in NIFTI))

#: Deflate compresses at most this many bytes into one.
LARGEST_RATIO = 1032

_GZIP = b"\x1f\x8b"
_NO_GZIP = "Not a gzipped file"
_CHUNK_BYTES = 1 << 20

#: Bytes behind the voxels that are decompressed in any case, however few voxels there are.
_LEAST_UNPACKED = 1 << 24

#: Bytes before the voxels of gzip data, such as extensions, allowed in addition to their size.
_MOST_BEFORE = 1 << 28
_SCALED_AT_ONCE = 1 << 18

_FOLLOW = "bytes follow the voxels that its header promises; they were left out"

#: The warning about a file that continues after its gzip data.
FOLLOWED = "other data follows its gzip data and was ignored"

Voxels = npt.NDArray[Any]


def nifti_files(path: str) -> tuple[str, ...]:
    """The file with the header and, if that is another, the one with the voxels.

    Empty if the name is not that of a NIfTI image. Raises FileError if the other file of a pair
    does not exist.
    """
    suffix = _suffix(path)
    if not suffix:
        return ()
    if suffix.lower().startswith(".nii"):
        return (path,)
    stem = path[: -len(suffix)]
    return _partner(path, stem, suffix, "hdr"), _partner(path, stem, suffix, "img")


def _suffix(path: str) -> str:
    lower = path.lower()
    length = max((len(suffix) for suffix in _SUFFIXES if lower.endswith(suffix)), default=0)
    return path[len(path) - length :] if length else ""


def _partner(path: str, stem: str, suffix: str, kind: str) -> str:
    if kind in suffix.lower():
        return path
    kind = kind.upper() if suffix.isupper() else kind
    for candidate in (f"{stem}.{kind}", f"{stem}.{kind}.gz", f"{stem}.{kind}.GZ"):
        if Path(candidate).exists():
            return existing_path(Path(candidate))
    holds = "voxels" if kind.lower() == "img" else "header"
    raise FileError(path, f"its {holds} should be in `{stem}.{kind}`, which does not exist")


def read_nifti_header(files: tuple[str, ...]) -> NiftiHeader | None:
    """Read and check the header; None if the file has none.

    Raises FileError for invalid headers, files that are too short for what the header promises, and
    gzip files that could not hold it.
    """
    try:
        try:
            with open_unpacked(files[0]) as file:
                header = parse(_head(file))
        except (EOFError, Followed):
            with open_unpacked(files[0], fast=False) as file:
                header = parse(_head(file))
    except EOFError:
        raise FileError(files[0], "truncated: the file ends within its header") from None
    if header is None:
        return None
    if reason := defect(header) or _misplaced(header, len(files)):
        raise FileError(files[0], reason)
    if len(files) == 1:
        header = replace(header, offset=float(_first_voxel(files[0], header)))
    check_size(files[-1], int(header.offset), header.voxel_bytes)
    return header


def _head(file: IO[bytes]) -> bytes:
    """Read the first 540 bytes, or fewer; in pieces, since other data may follow the gzip data."""
    head = b""
    while len(head) < 540:
        part = _next(file, 540 - len(head), bool(head))
        if not part:
            break
        head += part
    return head


def _next(file: IO[bytes], count: int, begun: bool) -> bytes:
    """Read more bytes; none at the end of the file or where data that is not gzip follows."""
    try:
        part: bytes = file.read1(count)  # type: ignore[attr-defined]
    except OSError as error:
        if begun and str(error).startswith(_NO_GZIP):
            return b""
        raise
    return part


def _first_voxel(path: str, header: NiftiHeader) -> int:
    """The offset of the voxels in a single file: at least the length of the header."""
    stated = int(header.offset)
    least = 544 if header.version == 2 else HEADER_BYTES
    if stated >= least:
        return stated
    size = _unpacked_size(path)
    bare = least - 4  # without the four bytes that announce extensions
    return stated if stated >= bare and size == stated + header.voxel_bytes else least


def _unpacked_size(path: str) -> int:
    """Bytes of a file; for gzip what its last four bytes say, which is correct below 4 GiB."""
    if beginning(path, 2) != _GZIP:
        return file_size(path)
    with Path(path).open("rb") as file:
        file.seek(-4, io.SEEK_END)
        return int.from_bytes(file.read(4), "little")


def _misplaced(header: NiftiHeader, count: int) -> str:
    if header.single and count == 2:
        return "its header says that the voxels follow in the same file; rename it to .nii"
    if not header.single and count == 1 and not header.version:
        return "its header says that the voxels are in a separate file; rename it to .hdr"
    if header.version == 2 and max(header.dim) > LARGEST_AXIS:
        return f"it has more than {LARGEST_AXIS} voxels along an axis"
    return _displaced(header)


def _displaced(header: NiftiHeader) -> str:
    """The defect of a form in use with values that are not finite; ITK would accept it."""
    fields = orientation_fields(as_first_version(header)) if header.version else b""
    if fields:
        qform, sform, *numbers = struct.unpack_from("<2h18f", fields)
        for name, used, placed in (("qform", qform, numbers[:6]), ("sform", sform, numbers[6:])):
            if used > 0 and not np.isfinite(placed).all():
                return (
                    f"its header is damaged: its {name} places voxels at positions that are not "
                    "finite"
                )
    return ""


def check_size(path: str, offset: int, voxel_bytes: int) -> None:
    """Raise FileError if a file, compressed or not, cannot hold what its header promises."""
    size = file_size(path)
    promised = offset + voxel_bytes
    if beginning(path, 2) == _GZIP:
        if offset > _MOST_BEFORE + voxel_bytes:  # which would have to be decompressed
            raise FileError(path, f"its header says that {offset:,} bytes precede its voxels")
        if promised > LARGEST_RATIO * size:
            raise FileError(
                path,
                f"the header claims {voxel_bytes:,} bytes of voxels, but {size:,} bytes of gzip "
                f"data cannot hold more than {LARGEST_RATIO * size:,}",
            )
    elif promised > size:
        raise FileError(path, f"truncated: header promises {promised:,} bytes, file has {size:,}")


def read_voxels(
    path: str, header: NiftiHeader, element: str, zeros: bool = False
) -> tuple[Voxels, str]:
    """Read the voxels of a NIfTI image from ``path``; return them with a warning or ''.

    The shape follows the header, slowest axis first, with a last axis of channels if there are
    several. ``element`` is the type of the result: float32 if integers are scaled. ``zeros``
    replaces values that are not finite by 0. Data behind the voxels is checked only up to the size
    of the voxels. Raises FileError if the file is truncated or its gzip data is damaged.
    """
    stored, channels = DATATYPES[header.datatype]
    voxels = np.empty(header.dim[::-1] + (channels,) * (channels > 1), stored)
    try:
        odd = _read_stored(path, header, voxels, fast=True)
    except Followed:
        odd = _read_stored(path, header, voxels, fast=False)
        odd = odd or FOLLOWED
    return decode_voxels(voxels, header, element, zeros), odd


def _read_stored(path: str, header: NiftiHeader, voxels: Voxels, fast: bool) -> str:
    with open_unpacked(path, fast) as file:
        try:
            skip(file, int(header.offset))
            held = fill(file, voxels.reshape(-1).view(np.uint8).data)
            if held < voxels.nbytes:
                raise EOFError
            return read_to_end(file, voxels.nbytes)
        except EOFError:
            # To the fast reader, a few bytes after gzip data look like the start of another member.
            kind = Followed if fast else FileError
            raise kind(path, truncated(voxels.nbytes)) from None


def truncated(promised: int) -> str:
    """The reason for refusing a file that ends before its voxels do."""
    return f"truncated: the header promises {promised:,} bytes of voxels, the file ends before"


def decode_voxels(voxels: Voxels, header: NiftiHeader, element: str, zeros: bool) -> Voxels:
    """Convert stored voxels to values: byte order, scaling, channels; may modify the input."""
    if header.order != ("<" if sys.byteorder == "little" else ">"):
        voxels.byteswap(inplace=True)
    if zeros and voxels.dtype.kind == "f" and not np.isfinite(voxels).all():
        np.nan_to_num(voxels, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    slope, intercept = header.scaling
    if (slope, intercept) != (1.0, 0.0):
        voxels = _scaled(voxels, slope, intercept, element)
    if header.intent == VECTOR_INTENT and len(header.dim) == 5:
        voxels = np.ascontiguousarray(np.moveaxis(voxels, 0, -1))
    return voxels


def _scaled(voxels: Voxels, slope: float, intercept: float, element: str) -> Voxels:
    """Round to ``element``, then compute voxels × slope + intercept in float64, as ITK does."""
    result = np.empty(voxels.shape, element)
    source, target = voxels.reshape(-1), result.reshape(-1)
    for start in range(0, source.size, _SCALED_AT_ONCE):
        part = slice(start, start + _SCALED_AT_ONCE)
        numbers = source[part].astype(element).astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            target[part] = numbers * slope + intercept
    return result


class Followed(FileError):
    """Other data follows the gzip data; the fast reader has then lost what it had decompressed."""


@contextmanager
def open_unpacked(path: str, fast: bool = True) -> Iterator[IO[bytes]]:
    """Open a file, decompressing gzip data whatever the file's name.

    Damaged gzip data raises FileError; its premature end raises EOFError within the context. If not
    ``fast``, the data before trailing bytes that are not gzip can be read (see `_next`).
    """
    import gzip

    from isal import igzip, isal_zlib

    unpack: Any = igzip.open if fast else gzip.open
    damages: Any = (isal_zlib.error, zlib.error, igzip.BadGzipFile)
    try:
        with Path(path).open("rb") as file:
            packed = file.read(2) == _GZIP
            file.seek(0)
            if not packed:
                yield file
                return
            with unpack(file) as unpacked:
                yield unpacked
    except damages as error:
        followed = fast and str(error).startswith(_NO_GZIP)
        kind = Followed if followed else FileError
        raise kind(path, f"its gzip data is damaged ({error})") from None
    except OSError as error:
        raise FileError(path, os_reason(error)) from None


def skip(file: IO[bytes], count: int) -> None:
    """Skip ``count`` bytes; raises EOFError if there are fewer."""
    if isinstance(file, io.BufferedReader):
        file.seek(count)
        return
    while count > 0:
        skipped = len(file.read(min(count, _CHUNK_BYTES)))
        if not skipped:
            raise EOFError
        count -= skipped


def fill(file: IO[bytes], target: memoryview) -> int:
    """Read until ``target`` is full or the file ends; return the number of bytes read."""
    filled = 0
    while filled < len(target):
        count = file.readinto(target[filled:])  # type: ignore[attr-defined]
        if not count:
            break
        filled += count
    return filled


def read_to_end(file: IO[bytes], voxel_bytes: int) -> str:
    """Read what follows the voxels and return a warning about it, or ''.

    gzip verifies its checksum only at the end, so the data is decompressed, up to a limit.
    """
    if isinstance(file, io.BufferedReader):
        return following(os.fstat(file.fileno()).st_size - file.tell())
    count = 0
    while part := _next(file, _CHUNK_BYTES, begun=True):
        count += len(part)
        if count > max(voxel_bytes, _LEAST_UNPACKED):
            return f"more than {count:,} {_FOLLOW}, and its checksum was not looked at"
    return following(count)


def following(count: int) -> str:
    """The warning about this many bytes behind the voxels."""
    return f"{count:,} {_FOLLOW}" if count > 0 else ""
