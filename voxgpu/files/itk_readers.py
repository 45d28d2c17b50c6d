"""The ITK reader for a file, chosen by content so that ITK does not guess another."""

from __future__ import annotations

from pathlib import Path

from voxgpu.files.errors import FileError
from voxgpu.files.paths import beginning
from voxgpu.files.suffixes import ITK_READERS

#: First bytes of formats, and their readers.
_BEGINNINGS = (
    (b"NRRD000", "NrrdImageIO"),
    (b"\x89PNG", "PNGImageIO"),
    (b"\xff\xd8\xff", "JPEGImageIO"),
    (b"BM", "BMPImageIO"),
    (b"# vtk DataFile", "VTKImageIO"),
)

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

#: First bytes of containers whose parts may link to other files: HDF5 and netCDF.
_LINKING = (b"\x89HDF\r\n", b"CDF\x01", b"CDF\x02")

#: First bytes of JPEG 2000, whose reader in ITK crashes on some damaged files.
_CRASHING = (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")


def reader_of(path: str) -> str:
    """ITK's name of the reader for the file at ``path``.

    Raises FileError for unknown formats, for formats whose voxels may lie in files that only their
    reader can find (HDF5, MINC, Stimulate, Bruker), and for JPEG 2000.
    """
    start = beginning(path, 132)
    for beginning_of, reader in _BEGINNINGS:
        if start.startswith(beginning_of):
            return reader
    lower = path.lower()
    if start.startswith(_TIFF):
        return "LSMImageIO" if lower.endswith(".lsm") else "TIFFImageIO"
    if start[128:132] == b"DICM":
        return "GDCMImageIO"
    if start.startswith(_LINKING) or lower.endswith((".h5", ".hdf5", ".mnc", ".spr", ".sdt")):
        raise FileError(
            path,
            "its format allows voxels to lie in other files, which cannot be known before it is "
            "read",
            "save the image as .nii.gz or .nrrd",
        )
    if start.startswith(_CRASHING) or lower.endswith((".jp2", ".j2k")):
        raise FileError(
            path,
            "it is a JPEG 2000 picture, which cannot be read safely",
            "save it as .png or .tif",
        )
    if start.startswith((b"ObjectType", b"NDims")):
        return "MetaImageIO"
    suffix = Path(lower.removesuffix(".gz")).suffix
    if suffix in ITK_READERS:
        return ITK_READERS[suffix]
    if start[:2] in (b"\x02\0", b"\x08\0"):  # DICOM without its preamble
        return "GDCMImageIO"
    raise FileError(path, "not an image in any format that SimpleITK reads")
