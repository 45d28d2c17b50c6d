"""Saving of images outside a program."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from voxgpu.files.errors import FileError
from voxgpu.files.write import content_of, unsupported_reason, write_image
from voxgpu.image import Image
from voxgpu.python.caller import outside


def save(image: Image, path: Path) -> Path:
    """Write a file; see ``voxgpu.Image.save``."""
    path = Path(os.path.expanduser(path))  # noqa: PTH111 - not the way that raises without a home
    drawn = 2 if image.grid.thin_axis is not None else image.grid.dimensions
    reason = unsupported_reason(path, content_of(image), drawn, image.channels)
    if reason:
        raise ValueError(reason)
    try:
        written = write_image(path, image, labels=False)
    except FileError as problem:
        raise OSError(str(problem)) from None
    for warning in written.warnings:
        warnings.warn(warning, stacklevel=outside())
    return path
