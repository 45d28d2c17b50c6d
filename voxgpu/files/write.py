"""Writing of image files: atomic, renamed to the final name only when complete."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from voxgpu.cancellation import raise_if_cancelled
from voxgpu.files.convert import convert_voxels, lost_geometry_warnings
from voxgpu.files.errors import FileError
from voxgpu.files.formats import FORMATS, Format, is_nifti, suffix_of, unsupported_reason
from voxgpu.files.itk import report_errors
from voxgpu.files.nifti import nifti_header
from voxgpu.files.pack import check_packed, write_packed
from voxgpu.files.paths import os_reason
from voxgpu.files.writable import folder_of, full_disk_help
from voxgpu.frozen import frozen
from voxgpu.image import Grid, Image
from voxgpu.itk.process import quiet, simpleitk
from voxgpu.temporary_files import TemporaryFile, new_file
from voxgpu.types import Content

__all__ = ["Written", "unsupported_reason", "write_image"]

#: Bump when equal images would be written differently.
_WRITER_VERSION = 3

_CHUNK_BYTES = 1 << 20

Voxels = npt.NDArray[Any]


@frozen(slots=True)
class Written:
    """The result of writing a file.

    warnings  properties of the image that the file does not hold
    digest    xxh3-128 of the bytes that this process wrote, computed before the file was renamed
    """

    warnings: tuple[str, ...]
    digest: bytes


def write_image(path: Path, image: Image, labels: bool = True) -> Written:
    """Save ``image`` in the format that the suffix of ``path`` selects.

    Missing folders are created. The file is written under a temporary name in the same folder and
    then renamed, so that a partial file is never visible; on failure nothing is left. Voxels are
    converted by `convert_voxels`; int32 ``labels`` are stored in the smallest element type that
    holds them. Equal images give equal bytes. Raises FileError if the format cannot hold the image
    or the disk does not take the file.
    """
    path = Path(path)
    image = _flat(image, suffix_of(path))
    content = content_of(image)
    reason = unsupported_reason(path, content, image.grid.dimensions, image.channels)
    if reason is not None:
        raise FileError(str(path), reason, "", "write")
    suffix = suffix_of(path)
    form = FORMATS[suffix]
    if form.longest_axis and max(image.grid.shape) > form.longest_axis:
        raise FileError(
            str(path),
            f"{form.name} holds at most {form.longest_axis} voxels along an axis; save .nrrd",
            "",
            "write",
        )
    voxels, warnings = convert_voxels(path, image, form, labels)
    warnings += lost_geometry_warnings(path, image.grid, form)
    with (
        atomic_file(path, suffix) as unfinished,
        report_errors(str(path), "write", str(unfinished)),
    ):
        digest = _write(path, unfinished, voxels, image.grid, form)
    return Written(warnings, digest)


def _flat(image: Image, suffix: str) -> Image:
    """Drop the axis of a single slice, for formats that cannot store its thickness."""
    axis = image.grid.thin_axis
    if axis is None or suffix not in FORMATS or FORMATS[suffix].has_geometry:
        return image
    return Image(image.array.squeeze(axis), image.grid.without_axis(axis))


def form_of(path: Path) -> str:
    """What determines the bytes of a file besides the image: format and version of the writer."""
    return f"{suffix_of(path)} {_WRITER_VERSION}"


def content_of(image: Image) -> Content:
    """The kind of content of one voxel."""
    if image.channels > 1:
        return Content.COLOR
    return Content.BOOLEAN if image.element == np.bool_ else Content.NUMBER


@contextmanager
def atomic_file(path: Path, suffix: str) -> Iterator[Path]:
    """Yield a temporary file beside ``path``; it is renamed to ``path`` if no error occurs."""
    unfinished = None
    try:
        unfinished = _new_file(path, suffix)
        yield unfinished.path
        raise_if_cancelled()
        unfinished.become(path)
    except OSError as error:
        help = full_disk_help(error)
        raise FileError(str(path), _os_reason(path, error), help, "write") from None
    finally:
        if unfinished is not None:
            unfinished.remove()


def _new_file(path: Path, suffix: str) -> TemporaryFile:
    """Create a temporary file; its suffix comes last, since ITK identifies formats by it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise FileError(str(path), "it is a directory", "", "write")
        if path.is_symlink():
            raise FileError(str(path), "it is a link, which would be replaced", "", "write")
        if path.exists() and not path.stat().st_mode & 0o222:
            raise FileError(str(path), "it is write-protected", "", "write")
        return new_file(path.parent, path.name, "" if is_nifti(suffix) else suffix)
    except ValueError as error:
        raise FileError(str(path), f"not a possible file name: {error}", "", "write") from None


def _os_reason(path: Path, error: OSError) -> str:
    folder = folder_of(path)
    if not os.path.isdir(folder):  # noqa: PTH112 (`is_dir` raises in forbidden folders)
        return f"`{folder}` is a file, not a folder"
    return os_reason(error)


def _write(name: Path, path: Path, voxels: Voxels, grid: Grid, form: Format) -> bytes:
    """Write to ``path``, which will be renamed to ``name``; return the digest of the bytes."""
    if form.writer == "nifti":
        parts = _nifti_parts(voxels, grid)
        with path.open("wb") as file:
            if form.is_packed:
                write_packed(file, parts)
            else:
                file.writelines(parts)
        if form.is_packed:
            check_packed(path, parts, name)
    elif form.writer == "pillow":
        _write_picture(path, voxels, form)
    else:
        _write_with_itk(path, voxels, grid)
    return file_digest(path)


def file_digest(path: Path) -> bytes:
    """Compute the xxh3-128 of a file. Raises OSError."""
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.digest()


def _nifti_parts(voxels: Voxels, grid: Grid) -> tuple[Any, ...]:
    """The parts of a NIfTI file: the header, then the voxels, little-endian."""
    channels = voxels.shape[-1] if voxels.ndim > grid.dimensions else 1
    header = nifti_header(grid, voxels.dtype.name, channels)
    if channels > 1 and voxels.dtype != np.uint8:
        voxels = np.moveaxis(voxels, -1, 0)
    little = np.ascontiguousarray(voxels, voxels.dtype.newbyteorder("<"))
    return header, little.reshape(-1).view(np.uint8).data


def _write_picture(path: Path, voxels: Voxels, form: Format) -> None:
    from PIL import Image as Picture

    with path.open("wb") as file:
        Picture.fromarray(voxels).save(file, form.name, **form.options)


def _write_with_itk(path: Path, voxels: Voxels, grid: Grid) -> None:
    toolkit = simpleitk()
    image = toolkit.GetImageFromArray(voxels, isVector=voxels.ndim > grid.dimensions)
    image.SetSpacing(grid.spacing[::-1])
    image.SetOrigin(grid.origin)
    image.SetDirection(grid.direction)
    with quiet():
        toolkit.WriteImage(image, str(path))
