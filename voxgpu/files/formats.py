"""File formats by suffix, and what each of them can hold."""

from __future__ import annotations

import difflib
from pathlib import Path

from voxgpu.types import Content

NIFTI = (".nii", ".nii.gz")

#: Formats of 2-D pictures with 8 bits per channel.
PICTURES = (".png", ".jpg", ".jpeg", ".bmp")

TIFF = (".tif", ".tiff")

KNOWN = (*NIFTI, ".nrrd", ".mha", *PICTURES, *TIFF)

_WITHOUT_ALPHA = {".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP"}


def suffix_of(path: Path) -> str:
    """The suffix that determines the format, in lower case; ``.nii.gz`` counts as one."""
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()


def unsupported_reason(path: Path, content: Content, dimensions: int, channels: int) -> str | None:
    """Why an image cannot be saved under this name, or None; does not access the disk.

    ``dimensions`` is 2 or 3; ``channels`` is 3 or 4 if ``content`` is colors.
    """
    suffix = suffix_of(path)
    if suffix not in KNOWN:
        return _unknown(path, suffix)
    if suffix in PICTURES and dimensions != 2:
        return (
            f"{suffix} holds 2-D pictures, this image is {dimensions}-D; "
            f"save `{_stem(path)}.nii.gz`, or one slice of it"
        )
    if content is Content.COLOR and channels == 4 and suffix in _WITHOUT_ALPHA:
        return f"{_WITHOUT_ALPHA[suffix]} has no alpha channel; save `{_stem(path)}.png`"
    return None


def _unknown(path: Path, suffix: str) -> str:
    known = " ".join(KNOWN)
    if not suffix:
        return f"its name has no suffix to tell the format; try `{path.name}.nii.gz` ({known})"
    close = difflib.get_close_matches(suffix, KNOWN, n=1)
    likely = ".nii.gz" if suffix in (".gz", ".zip") or not close else close[0]
    return f"`{suffix}` is not a format that can be written; try `{_stem(path)}{likely}` ({known})"


def _stem(path: Path) -> str:
    suffix = suffix_of(path)
    return path.name[: -len(suffix)] if suffix else path.name
