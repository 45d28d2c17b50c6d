"""What do the hand-written CUDA kernels say, and which are there? The door to ``kernels/*.cu``."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

#: What stands before the text of generated kernels.
_FUSED = ("common.cuh", "fused.cuh")


def libraries() -> tuple[str, ...]:
    """The stems of all files of kernels, in order."""
    found = (each.name for each in files("voxgpu.kernels").iterdir())
    return tuple(sorted(name.removesuffix(".cu") for name in found if name.endswith(".cu")))


@cache
def library_text(stem: str) -> str:
    """``kernels/<stem>.cu`` with what stands before it."""
    return _read("common.cuh") + _read(f"{stem}.cu")


@cache
def prelude() -> str:
    """What stands before generated kernels."""
    return "".join(map(_read, _FUSED))


def _read(name: str) -> str:
    return (files("voxgpu.kernels") / name).read_text("utf-8")
