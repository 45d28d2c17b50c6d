"""Source text of the hand-written CUDA kernels in ``kernels/*.cu``."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

#: The headers that precede the text of generated kernels.
_FUSED = ("common.cuh", "fused.cuh")


def libraries() -> tuple[str, ...]:
    """The stems of all kernel files, in order."""
    return tuple(name.removesuffix(".cu") for name in _names() if name.endswith(".cu"))


def family(stem: str) -> tuple[str, ...]:
    """The files that belong to a stem: ``components``, ``components_notes``, …"""
    return tuple(each for each in libraries() if each == stem or each.startswith(f"{stem}_"))


@cache
def library_text(stem: str) -> str:
    """``kernels/<stem>.cu``, preceded by the common headers and its family's own, if any."""
    shared = (name.removesuffix(".cuh") for name in _names() if name.endswith(".cuh"))
    before = (f"{each}.cuh" for each in shared if stem == each or stem.startswith(f"{each}_"))
    return "".join(map(_read, ("common.cuh", *before, f"{stem}.cu")))


@cache
def prelude() -> str:
    """The headers that precede generated kernels."""
    return "".join(map(_read, _FUSED)) + _lines_of("generated.cu")


def _names() -> list[str]:
    return sorted(each.name for each in files("voxgpu.kernels").iterdir())


def _read(name: str) -> str:
    return _lines_of(name) + (files("voxgpu.kernels") / name).read_text("utf-8")


def _lines_of(name: str) -> str:
    """A ``#line`` directive, so that compilers and tools report line numbers of this file."""
    return f'#line 1 "{name}"\n'
