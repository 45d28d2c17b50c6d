"""Files that decompress to more than their header promises, or promise more than they hold.

Each is read in a process whose memory, and that of its reader process, is measured.
"""

import gzip
import io
import json
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
import SimpleITK
from nifti_samples import same_bits
from PIL import Image as Picture

from voxgpu.files.errors import FileError
from voxgpu.files.header import read_header
from voxgpu.files.raster import largest_ratio
from voxgpu.files.read import read_image, read_with_warning

#: Bytes after full decompression, and the most that reading may take besides what libraries need.
UNPACKED, MOST = 512 << 20, 300 << 20

VOXELS = np.arange(64, dtype=np.uint8).reshape(4, 4, 4)

SCRIPT = """
import json, os, re, sys
from pathlib import Path
from voxgpu.files.header import read_header
from voxgpu.files.errors import FileError
from voxgpu.files.read import read_image
def peak(process):
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) << 10
for path in sys.argv[1:]:
    try:
        said = read_image(read_header(Path(path))).array.tolist()
    except FileError as problem:
        said = problem.reason
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    print(json.dumps([said, max(map(peak, ["self", *children]))]))
"""


@pytest.fixture(scope="module")
def zeros():
    """Zeros, compressed as in gzip files and as a zlib stream."""
    pack = zlib.compressobj(1)
    piece = bytes(1 << 24)
    packed = b"".join(pack.compress(piece) for _ in range(UNPACKED >> 24)) + pack.flush()
    trailer = struct.pack("<2I", 0, UNPACKED & 0xFFFFFFFF)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + packed[2:-4] + trailer, packed


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(pixels: bytes, *others: bytes) -> bytes:
    size = chunk(b"IHDR", struct.pack(">2I5B", 4, 4, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + size + b"".join(others) + data


def tiff(compression: int, data: bytes) -> bytes:
    fields = [(256, 4), (257, 4), (258, 8), (259, compression), (262, 1), (273, 8), (277, 1)]
    fields += [(278, 4), (279, len(data))]
    directory = b"".join(struct.pack("<2H2I", tag, 4, 1, value) for tag, value in fields)
    start = struct.pack("<2sHI", b"II", 42, 8 + len(data))
    return start + data + struct.pack("<H", len(fields)) + directory + bytes(4)


def bombs(gzipped: bytes, packed: bytes) -> dict[str, bytes]:
    metaimage = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nCompressedData = True\n"
        "DimSize = 4 4 4\nElementType = MET_UCHAR\nElementDataFile = {}\n"
    )
    nrrd = "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 4 4 4\nencoding: gzip\n{}\n"
    plane = zlib.compress(bytes(20))
    text = chunk(b"zTXt", b"a\0\0" + packed)
    return {
        "mha": metaimage.format("LOCAL").encode() + packed,
        "mhd": metaimage.format("voxels").encode(),
        "nrrd": nrrd.format("").encode() + gzipped,
        "nhdr": nrrd.format("data file: voxels.gz\n").encode(),
        "skip.nhdr": nrrd.format(f"data file: voxels.gz\nbyte skip: {UNPACKED - 64}\n").encode(),
        "last.nhdr": nrrd.format("data file: voxels.gz\nbyte skip: -1\n").encode(),
        "tail.png": png(packed),
        "text.png": png(plane, text),
        "icc.png": png(plane, chunk(b"iCCP", b"a\0\0" + packed)),
        "tif": tiff(8, packed),
        "bits.tif": tiff(32773, b"\x81\0" * (UNPACKED >> 9)),
    }


@pytest.mark.slow
def test_no_more_memory_is_taken_than_headers_promise(tmp_path, zeros):
    files = bombs(*zeros)
    for name, data in files.items():
        (tmp_path / f"a.{name}").write_bytes(data)
    (tmp_path / "voxels").write_bytes(zeros[1])
    (tmp_path / "voxels.gz").write_bytes(zeros[0])
    command = [sys.executable, "-c", SCRIPT, *(str(tmp_path / f"a.{name}") for name in files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = dict(zip(files, map(json.loads, done.stdout.splitlines()), strict=True))
    assert {name: peak for name, (_, peak) in found.items() if peak > MOST} == {}
    for name, (said, _) in found.items():
        refused = isinstance(said, str) and ("promises" in said or "skips" in said)
        assert refused or set(np.ravel(said)) == {0}, (name, said)


def nifti(tmp_path, follow: bytes) -> bytes:
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(VOXELS), str(tmp_path / "whole.nii"))
    return (tmp_path / "whole.nii").read_bytes() + follow


@pytest.mark.parametrize(
    ("follow", "after", "odd"),
    [
        (b"", b"", ""),
        (b"", bytes(100), ""),  # padding, as on tapes
        (b"abc", b"", "3 bytes follow the voxels that its header promises; they were left out"),
        (b"", gzip.compress(b"xy", mtime=0), "2 bytes follow the voxels that its header promises"),
        (b"", b"j", "other data follows its gzip data and was ignored"),
        (b"", b"junk" * 9, "other data follows its gzip data and was ignored"),
    ],
)
def test_what_follows_the_voxels_of_gzip_data_is_told(tmp_path, follow, after, odd):
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(nifti(tmp_path, follow)) + after)
    image, said = read_with_warning(read_header(path))
    assert same_bits(image.array, VOXELS)
    assert said.startswith(f"`{path}`: {odd}") if odd else not said


def test_what_follows_the_voxels_of_plain_files_is_told(tmp_path):
    path = tmp_path / "a.nii"
    path.write_bytes(nifti(tmp_path, b"abcd"))
    image, said = read_with_warning(read_header(path))
    assert same_bits(image.array, VOXELS)
    assert said.startswith(f"`{path}`: 4 bytes follow the voxels")


def test_what_follows_is_not_unpacked_without_end(tmp_path, zeros):
    path = tmp_path / "a.nii.gz"
    packed = gzip.compress(nifti(tmp_path, b""))
    damaged = bytearray(zeros[0])
    damaged[len(damaged) // 2] ^= 0xFF  # full decompression would detect the damage
    path.write_bytes(packed + damaged)
    image, said = read_with_warning(read_header(path))
    assert same_bits(image.array, VOXELS)
    assert "its checksum was not looked at" in said


def test_voxels_far_behind_their_header_are_refused_in_gzip_data(tmp_path, zeros):
    data = bytearray(nifti(tmp_path, b""))
    struct.pack_into("<f", data, 108, float(UNPACKED - (1 << 20)))
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(bytes(data)) + zeros[0])
    with pytest.raises(FileError, match=r"says that [\d,]+ bytes precede its voxels"):
        read_header(path)


@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff"])
def test_pictures_that_claim_more_than_they_can_hold_are_refused(tmp_path, kind):
    """Reading would allocate the memory before noticing that there is no data."""
    file = io.BytesIO()
    Picture.new("L", (64, 64)).save(file, kind)
    data = bytearray(file.getvalue())
    match kind:
        case "jpeg":
            struct.pack_into(">2H", data, data.find(b"\xff\xc0") + 5, 65000, 65000)
            data[-2:-2] = bytes(600_000)
        case "png":
            size = struct.pack(">2I", 900_000, 900_000) + data[24:29]
            data[8:33] = chunk(b"IHDR", size)
        case "tiff":
            data = bytearray(tiff(8, zlib.compress(b"")))
            at = struct.unpack_from("<I", data, 4)[0] + 2
            for field in (0, 1, 7):  # width, height, rows per strip
                struct.pack_into("<I", data, at + 12 * field + 8, 60_000)
    path = tmp_path / f"a.{kind}"
    path.write_bytes(data)
    with pytest.raises(FileError, match="the header claims"):
        read_header(path)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "I;16"])
def test_pictures_that_are_packed_as_much_as_can_be_are_read(tmp_path, mode):
    path = tmp_path / "a.png"
    Picture.new(mode, (3000, 3000)).save(path, compress_level=9)
    header = read_header(path)
    assert header.bytes <= largest_ratio(str(path)) * path.stat().st_size
    assert not read_image(header).array.any()


def test_deflated_tiles_end_in_a_message_or_their_values(tmp_path, zeros):
    import tifffile

    tifffile.imwrite(tmp_path / "a.tif", np.zeros((16, 16), np.float16), compression="zlib")
    data = bytearray((tmp_path / "a.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        tags = file.pages[0].tags
        places = tags[273].valueoffset, tags[279].valueoffset
    for place, number in zip(places, (len(data), len(zeros[1])), strict=True):
        struct.pack_into("<I", data, place, number)
    (tmp_path / "a.tif").write_bytes(bytes(data) + zeros[1])
    with pytest.raises(FileError, match=r"more than|damaged"):
        read_image(read_header(tmp_path / "a.tif"))


def test_bzip2_is_refused_with_the_command_that_mends_it(tmp_path):
    path = tmp_path / "a.nrrd"
    path.write_bytes(b"NRRD0004\ntype: uint8\ndimension: 2\nsizes: 4 4\nencoding: bzip2\n\nBZh")
    with pytest.raises(FileError, match="packed with bzip2") as caught:
        read_header(path)
    assert caught.value.help.endswith(f"unu save -f nrrd -e gzip -i {path} -o packed.nrrd")
    assert os.fspath(path) in caught.value.help


def test_files_of_freesurfer_are_held_to_their_headers(tmp_path, zeros):
    import nibabel

    nibabel.save(nibabel.MGHImage(VOXELS, np.eye(4)), tmp_path / "a.mgh")
    whole = (tmp_path / "a.mgh").read_bytes()
    (tmp_path / "tail.mgz").write_bytes(gzip.compress(whole) + zeros[0])
    with pytest.raises(FileError, match="holds more than the 348 bytes promised"):
        read_image(read_header(tmp_path / "tail.mgz"))
    large = bytearray(whole)
    struct.pack_into(">3i", large, 4, 2000, 2000, 2000)
    (tmp_path / "a.mgh").write_bytes(large)
    with pytest.raises(FileError, match="truncated: header promises 8,000,000,284 bytes"):
        read_header(tmp_path / "a.mgh")
    (tmp_path / "b.mgz").write_bytes(gzip.compress(bytes(large)))
    with pytest.raises(FileError, match="the header claims 8,000,000,000 bytes"):
        read_header(tmp_path / "b.mgz")
