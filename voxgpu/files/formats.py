"""File formats that images are saved in: by suffix, what each holds and how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Literal

from voxgpu.files.nifti import LARGEST_AXIS
from voxgpu.frozen import frozen
from voxgpu.types import Content

_INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32")
_ELEMENTS = (*_INTEGERS, "uint64", "int64", "float32")


@frozen(slots=True)
class Format:
    """What files of a format hold, and what writes them.

    name          the format's name in messages
    writer        ``nifti``: voxgpu; ``pillow``: Pillow; ``itk``: SimpleITK, which knows the format
                  by the suffix
    elements      NumPy names of the element types that files hold; others are converted
    is_picture    holds 2-D images of 8 bits per channel, or of the other ``elements`` on request
    has_alpha     holds colors of four channels
    has_geometry  holds where the voxels lie; if not, a single slice is saved as a 2-D image
    is_packed     the file is compressed with gzip
    longest_axis  the most voxels along an axis; 0: any number
    options       of Pillow
    """

    name: str
    writer: Literal["nifti", "pillow", "itk"]
    elements: tuple[str, ...] = _ELEMENTS
    is_picture: bool = False
    has_alpha: bool = True
    has_geometry: bool = True
    is_packed: bool = False
    longest_axis: int = 0
    options: Mapping[str, int] = field(default_factory=dict)


def _picture(name: str, elements: tuple[str, ...] = ("uint8",), **options: int) -> Format:
    # JPEG and BMP not with ITK: on a full disk its JPEG writer crashes the process and its BMP
    # writer reports nothing.
    is_png = name == "PNG"
    writer: Literal["pillow", "itk"] = "itk" if is_png else "pillow"
    return Format(name, writer, elements, True, is_png, has_geometry=False, options=options)


_TIFF = Format("TIFF", "itk", (*_INTEGERS, "float32"), has_geometry=False)
_JPEG = _picture("JPEG", quality=95, subsampling=0)

#: Every format by suffix, in the order in which messages list them.
FORMATS: Mapping[str, Format] = {
    ".nii": Format("NIfTI", "nifti", longest_axis=LARGEST_AXIS),
    ".nii.gz": Format("NIfTI", "nifti", longest_axis=LARGEST_AXIS, is_packed=True),
    ".nrrd": Format("NRRD", "itk"),
    ".mha": Format("MetaImage", "itk"),
    ".png": _picture("PNG", ("uint8", "uint16")),
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".bmp": _picture("BMP"),
    ".tif": _TIFF,
    ".tiff": _TIFF,
}


def suffix_of(path: Path) -> str:
    """The suffix that determines the format, in lower case; ``.nii.gz`` counts as one."""
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()


def is_nifti(suffix: str) -> bool:
    """Whether files with this suffix are NIfTI files."""
    return suffix in FORMATS and FORMATS[suffix].writer == "nifti"


def unsupported_reason(path: Path, content: Content, dimensions: int, channels: int) -> str | None:
    """Why an image cannot be saved under this name, or None; does not access the disk.

    ``dimensions`` is 2 or 3; ``channels`` is 3 or 4 if ``content`` is colors.
    """
    suffix = suffix_of(path)
    form = FORMATS.get(suffix)
    if form is None:
        return _unknown(path, suffix)
    if form.is_picture and dimensions != 2:
        return (
            f"{suffix} holds 2-D pictures, this image is {dimensions}-D; "
            f"save `{_stem(path)}.nii.gz`, or one slice of it"
        )
    if content is Content.COLOR and channels == 4 and not form.has_alpha:
        return f"{form.name} has no alpha channel; save `{_stem(path)}.png`"
    return None


def _unknown(path: Path, suffix: str) -> str:
    known = " ".join(FORMATS)
    if not suffix:
        return f"its name has no suffix to tell the format; try `{path.name}.nii.gz` ({known})"
    import difflib

    close = difflib.get_close_matches(suffix, FORMATS, n=1)
    likely = ".nii.gz" if suffix in (".gz", ".zip") or not close else close[0]
    return f"`{suffix}` is not a format that can be written; try `{_stem(path)}{likely}` ({known})"


def _stem(path: Path) -> str:
    suffix = suffix_of(path)
    return path.name[: -len(suffix)] if suffix else path.name
