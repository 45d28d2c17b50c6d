"""Suffixes of image files that can be read; formats without one here are known by their content."""

from __future__ import annotations

from pathlib import Path

from voxgpu.files.formats import FORMATS

#: NIfTI and Analyze; each may be gzipped.
NIFTI = (".nii", ".hdr", ".img")

#: FreeSurfer; the second is gzipped.
MGH = (".mgh", ".mgz")

#: DICOM; files without a suffix, or named by a UID, may be DICOM too.
DICOM = (".dcm", ".dicom", ".ima")

#: ITK's name of the reader of files that nothing but their suffix tells apart from others.
ITK_READERS = {
    ".mha": "MetaImageIO",
    ".mhd": "MetaImageIO",
    ".gipl": "GiplImageIO",
    ".mrc": "MRCImageIO",
    ".rec": "MRCImageIO",
    ".pic": "BioRadImageIO",
    **dict.fromkeys(DICOM, "GDCMImageIO"),
}

#: Formats that are known by their first bytes and that nothing is saved in.
_KNOWN_BY_CONTENT = (".nhdr", ".vtk", ".lsm")

IMAGES = frozenset((*FORMATS, *NIFTI, *MGH, *ITK_READERS, *_KNOWN_BY_CONTENT))


def image_suffix(path: Path) -> str:
    """The suffix of an image file, as it is written, with ``.gz`` after it; empty for others."""
    lower = path.name.lower()
    packed = ".gz" if lower.endswith(".gz") else ""
    suffix = Path(lower.removesuffix(packed)).suffix
    return path.name[-len(suffix + packed) :] if suffix in IMAGES else ""
