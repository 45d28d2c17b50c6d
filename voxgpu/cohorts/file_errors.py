"""Problems with files of a cohort as errors of the language."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.files.errors import FileError


def diagnostic_of(code: str, error: FileError) -> Diagnostic:
    """The diagnostic of this code for a problem with a file."""
    return Diagnostic(code, str(error), help=error.help)


@contextmanager
def file_errors(code: str) -> Iterator[None]:
    """Raise ImgqlError with a diagnostic of this code where the block raises FileError."""
    try:
        yield
    except FileError as error:
        raise ImgqlError([diagnostic_of(code, error)]) from None
