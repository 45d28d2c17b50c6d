"""NIfTI files built byte by byte, independent of the code under test."""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

DATATYPES = {
    "uint8": 2,
    "int16": 4,
    "int32": 8,
    "float32": 16,
    "float64": 64,
    "int8": 256,
    "uint16": 512,
    "uint32": 768,
    "int64": 1024,
    "uint64": 1280,
}


def shared_data() -> Path:
    folder = Path(__file__).resolve().parents[3] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no shared data: {folder} does not exist")
    return folder


def scans() -> list[Path]:
    return sorted(shared_data().glob("brats19/*/*.nii.gz"))


def rotation(a: float, b: float, c: float) -> np.ndarray:
    sa, ca, sb, cb, sc, cc = (f(x) for x in (a, b, c) for f in (math.sin, math.cos))
    about_x = np.array([[1, 0, 0], [0, ca, -sa], [0, sa, ca]])
    about_y = np.array([[cb, 0, sb], [0, 1, 0], [-sb, 0, cb]])
    about_z = np.array([[cc, -sc, 0], [sc, cc, 0], [0, 0, 1]])
    return about_x @ about_y @ about_z


def affine(matrix, spacing=(1, 1, 1), origin=(0, 0, 0)) -> tuple[float, ...]:
    return tuple(np.column_stack([np.asarray(matrix) * spacing, origin]).ravel())


def header(
    size=(4, 3, 2),
    datatype=4,
    rank=None,
    pixdim=(1, 1, 1, 1, 0, 0, 0, 0),
    slope=0.0,
    intercept=0.0,
    qform=1,
    sform=0,
    quaternion=(0, 0, 0),
    offset=(0, 0, 0),
    rows=(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0),
    intent=0,
    magic=b"n+1\0",
    voxels_at=352.0,
    units=2,
    order="<",
) -> bytes:
    raw = bytearray(352)
    dim = [len(size) if rank is None else rank, *size, *[1] * (7 - len(size))]
    struct.pack_into(order + "i", raw, 0, 348)
    struct.pack_into(order + "8h", raw, 40, *dim)
    struct.pack_into(order + "2h", raw, 68, intent, datatype)
    struct.pack_into(order + "8f", raw, 76, *pixdim)
    struct.pack_into(order + "3f", raw, 108, voxels_at, slope, intercept)
    raw[123] = units
    struct.pack_into(order + "2h", raw, 252, qform, sform)
    struct.pack_into(order + "6f", raw, 256, *quaternion, *offset)
    struct.pack_into(order + "12f", raw, 280, *rows)
    raw[344:348] = magic
    return bytes(raw)


def write(path: Path, head: bytes, voxels: bytes = bytes(48)) -> Path:
    data = head + voxels
    path.write_bytes(gzip.compress(data) if path.name.endswith(".gz") else data)
    return path


def random_voxels(element: str, count: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    kind = np.dtype(element)
    if kind.kind == "f":
        return (random.normal(size=count) * 1e3).astype(kind)
    return random.integers(0, 256, count * kind.itemsize, dtype=np.uint8).view(kind)


def itk(path: Path) -> SimpleITK.Image:
    return SimpleITK.ReadImage(str(path))


def itk_array(path: Path) -> np.ndarray:
    return SimpleITK.GetArrayFromImage(itk(path))


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
