"""Ambiguous headers, and formats whose voxel files cannot be determined."""

import zlib

import h5py
import numpy as np
import pytest
import SimpleITK

from voxgpu.files.errors import FileError
from voxgpu.files.header import read_header
from voxgpu.files.read import read_image

META = (
    "ObjectType = Image\nNDims = 3\nDimSize = 4 4 4\nElementType = MET_UCHAR\n"
    "ElementDataFile = v.raw\n"
)
NRRD = "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 4 4 4\nencoding: raw\n"


def reason(path) -> str:
    with pytest.raises(FileError) as caught:
        read_image(read_header(path))
    return caught.value.reason


@pytest.mark.parametrize(
    "text",
    [
        META.replace(" = ", ": "),
        META.replace("NDims =", "NDims :"),
        META.replace("File =", "File :"),
        META.replace("ElementData", "elementdata"),
        META.replace("ElementData", "ElementDataFile = LOCAL\nElementData").replace("v", "w"),
        META.replace("NDims = 3", "NDims = 3\nNDims = 3"),
        META.replace("v.raw", "~v.raw"),
        META.replace("v.raw", "list"),
        META.replace("v.raw", "v%.raw"),
        META.replace("v.raw", "%s.raw 1 1 1"),
        META.replace("v.raw", "a\\\\v.raw"),
        META.replace("NDims", f"Comment = {'x' * 5000}\nNDims"),
        "".join(f"C{i} = {'x' * 200}\n" for i in range(6000)) + META,
        NRRD + "data file: -\n",
        NRRD + "# x\rdata file: y\ndata file: v.raw\n",
        NRRD + "data file: v.raw\ndatafile: w.raw\n",
        NRRD + "data file: list\n",
        NRRD + "".join(f"# {'x' * 200}\n" for i in range(6000)) + "data file: v.raw\n",
    ],
)
def test_a_header_on_which_readers_could_differ(tmp_path, text):
    (tmp_path / "v.raw").write_bytes(bytes(64))
    path = tmp_path / ("a.nhdr" if text.startswith("NRRD") else "a.mhd")
    path.write_text(text, newline="")
    if "LOCAL" in text:  # voxels follow
        assert "truncated" in reason(path)
    else:
        assert reason(path)
    path.write_text(META if path.suffix == ".mhd" else NRRD + "data file: v.raw\n")
    assert read_header(path).files == (str(path), str(tmp_path / "v.raw"))
    assert not read_image(read_header(path)).array.any()


def test_metadata_that_simpleitk_writes_into_headers_are_read(tmp_path):
    image = SimpleITK.Image(4, 4, 4, SimpleITK.sitkUInt8)
    for key in ("0008|103e", "ITK_note"):
        image.SetMetaData(key, "a: b = c")
    for name in ("a.mha", "a.nrrd", "b.mhd", "b.nhdr"):
        SimpleITK.WriteImage(image, str(tmp_path / name))
        assert read_image(read_header(tmp_path / name)).array.shape == (4, 4, 4)


def test_formats_whose_files_cannot_be_known(tmp_path):
    image = SimpleITK.Image(4, 4, 4, SimpleITK.sitkUInt8)
    SimpleITK.WriteImage(image, str(tmp_path / "a.h5"))
    with h5py.File(tmp_path / "a.h5", "a") as file:
        del file["ITKImage/0/VoxelData"]
        outside = [(str(tmp_path / "v.raw"), 0, 64)]
        file["ITKImage/0"].create_dataset("VoxelData", (4, 4, 4), np.uint8, external=outside)
    (tmp_path / "a.h5").rename(tmp_path / "a")
    spr = "numDim: 3\ndim: 4 4 4\ndataType: BYTE\nsdtOrient: ax\nstimFileName: v.raw\n"
    (tmp_path / "b.spr").write_text(spr)
    for name in ("a", "b.spr"):
        assert "other files" in reason(tmp_path / name)


def test_jpeg_2000_is_not_offered(tmp_path):
    (tmp_path / "a.jp2").write_bytes(b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(200))
    assert "JPEG 2000" in reason(tmp_path / "a.jp2")


@pytest.mark.parametrize("more", [0, 1, 1 << 25])
def test_a_metaimage_unpacks_to_what_its_header_promises(tmp_path, more):
    packed = zlib.compress(bytes(64 + more))
    head = META.removesuffix("ElementDataFile = v.raw\n")
    head += f"CompressedData = True\nCompressedDataSize = {len(packed)}\nElementDataFile = LOCAL\n"
    path = tmp_path / "a.mha"
    path.write_bytes(head.encode() + packed)
    if more:
        assert "more than the 64 bytes" in reason(path)
    else:
        assert read_image(read_header(path)).array.shape == (4, 4, 4)
