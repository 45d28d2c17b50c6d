"""Compiles CUDA source with NVRTC, NVIDIA's compiler library, which needs no GPU.

The options are part of the meaning of a kernel (``docs/numerics.md``): no contraction to
multiply-add, subnormal numbers kept, division and roots rounded correctly.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from voxgpu.frozen import frozen

OPTIONS = ("--std=c++17", "--fmad=false", "--ftz=false", "--prec-div=true", "--prec-sqrt=true")

#: The option that reports registers and spills; it does not change the code.
_TELL = "--ptxas-options=-v"

#: How to install the missing library.
HINT = "pip install 'voxgpu[gpu12]'"


class NvrtcError(Exception):
    """A text that does not compile, with the compiler's log; or the compiler is missing."""


@frozen(slots=True)
class Resources:
    """The multiprocessor resources of a kernel.

    registers  per thread
    spills     bytes per thread stored and loaded because of too few registers
    stack      bytes of local memory per thread
    shared     bytes of static shared memory per block
    """

    registers: int
    spills: int
    stack: int
    shared: int


@frozen(slots=True)
class Built:
    """Compiled code for one architecture, and the resources of its kernels."""

    cubin: bytes
    resources: Mapping[str, Resources]


def missing() -> str:
    """Why nothing can be compiled here; empty if NVRTC is available."""
    try:
        version()
    except NvrtcError as error:
        return str(error)
    return ""


@lru_cache(maxsize=1)
def version() -> str:
    """The compiler's version, such as ``12.9``. Raises NvrtcError if there is none."""
    status, major, minor = _checked(_nvrtc().nvrtcVersion())
    assert not int(status)
    return f"{major}.{minor}"


def architectures() -> tuple[int, ...]:
    """The supported architectures, such as 90 for sm_90."""
    _, known = _checked(_nvrtc().nvrtcGetSupportedArchs())
    return tuple(int(each) for each in known)


def compile_text(text: str, architecture: int) -> Built:
    """Compiles a text. Raises NvrtcError with the compiler's log."""
    nvrtc = _nvrtc()
    program = _checked(nvrtc.nvrtcCreateProgram(text.encode(), b"voxgpu.cu", 0, [], []))[1]
    options = [f"--gpu-architecture=sm_{architecture}", *OPTIONS, _TELL]
    encoded = [each.encode() for each in options]
    (status,) = nvrtc.nvrtcCompileProgram(program, len(encoded), encoded)
    log = _text_of(program, nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog)
    if int(status):
        raise NvrtcError(log or f"NVRTC failed with status {int(status)}")
    size = _checked(nvrtc.nvrtcGetCUBINSize(program))[1]
    cubin = b" " * size
    _checked(nvrtc.nvrtcGetCUBIN(program, cubin))
    nvrtc.nvrtcDestroyProgram(program)
    return Built(cubin, resources_of(log))


def resources_of(log: str) -> dict[str, Resources]:
    """The resources of kernels, by name, parsed from the compiler's log."""
    found = {}
    for part in re.split(r"(?=Compiling entry function)", log)[1:]:
        name = re.search(r"entry function '(\w+)'", part)
        numbers = {
            "registers": r"Used (\d+) registers",
            "stack": r"(\d+) bytes stack frame",
            "shared": r"(\d+) bytes smem",
        }
        got = {key: _number(pattern, part) for key, pattern in numbers.items()}
        spills = sum(map(int, re.findall(r"(\d+) bytes spill", part)))
        assert name is not None
        found[name[1]] = Resources(spills=spills, **got)
    return found


def _number(pattern: str, text: str) -> int:
    match = re.search(pattern, text)
    return int(match[1]) if match else 0


@lru_cache(maxsize=1)
def _nvrtc() -> Any:
    try:
        from cuda.bindings import nvrtc

        nvrtc.nvrtcVersion()
    except (ImportError, RuntimeError) as error:
        raise NvrtcError(f"there is no NVRTC ({error}): {HINT}") from None
    return nvrtc


def _checked(returned: tuple[Any, ...]) -> tuple[Any, ...]:
    if int(returned[0]):
        raise NvrtcError(f"NVRTC failed with status {returned[0]}")
    return returned


def _text_of(program: Any, size_of: Any, read: Any) -> str:
    size = _checked(size_of(program))[1]
    buffer: bytes = b" " * size
    _checked(read(program, buffer))
    return buffer.rstrip(b"\0").decode(errors="replace")
