"""Reading of DICOM data sets with pydicom; its errors become one line for the user."""

from __future__ import annotations

import functools
import logging
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

from voxgpu.files.errors import FileError
from voxgpu.files.paths import file_size

_DEFLATED = "1.2.840.10008.1.2.1.99"


@functools.cache
def pydicom() -> ModuleType:
    """Import pydicom with its warnings about irregular files silenced."""
    import pydicom as module

    warnings.filterwarnings("ignore", module=r"pydicom\b")
    logging.getLogger("pydicom").addHandler(logging.NullHandler())
    return module


def dataset(path: str, tags: list[str] | None = None) -> tuple[Any, int]:
    """Read the data set of a file; return it with the number of bytes of voxels that follow.

    With ``tags``, a list of element names, only these are read, and no voxels. Raises FileError if
    the file cannot be read.
    """
    reader = pydicom()
    size = file_size(path)
    with reporting(path), Path(path).open("rb") as file:
        start = file.read(132)
        force = start[128:] != b"DICM"
        file.seek(0)
        if not force:
            meta = reader.filereader.read_file_meta_info(path)
            if meta.get("TransferSyntaxUID") == _DEFLATED:
                raise FileError(
                    path,
                    "its DICOM data is deflated, which is not read",
                    conversion_advice("dcmconv +te"),
                )
        # Bounds the memory: no element is longer than the rest of the file.
        ds = reader.dcmread(
            file,
            stop_before_pixels=tags is not None,
            force=force,
            specific_tags=tags,
        )
        if force and "TransferSyntaxUID" not in ds.file_meta:
            ds.file_meta.TransferSyntaxUID = _guessed_syntax(ds)
        at = file.tell()  # the position of the pixel data tag, if the voxels were left out
        explicit = file.read(6)[4:].isalpha()
        return ds, size - at - (12 if explicit else 8)


def _guessed_syntax(ds: Any) -> str:
    implicit, little = ds.original_encoding
    if implicit:
        return "1.2.840.10008.1.2"
    return "1.2.840.10008.1.2.1" if little else "1.2.840.10008.1.2.2"


def conversion_advice(program: str) -> str:
    """Advice to convert a file with this program, or with dcm2niix."""
    return f"convert it first: {program} IN.dcm OUT.dcm, or dcm2niix -z y FOLDER"


class reporting:  # noqa: N801 - used as a function
    """Context manager that turns whatever pydicom raises about a file into a FileError."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, Exception) or isinstance(error, FileError | MemoryError):
            return
        if isinstance(error, OSError) and error.strerror:
            raise FileError(self._path, error.strerror.lower()) from None
        message = " ".join(str(error).split()) or type(error).__name__
        if len(message) > 160:
            message = message[:159] + "…"
        raise FileError(self._path, f"its DICOM data is damaged: {message}") from None
