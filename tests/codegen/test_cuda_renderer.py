"""Generated CUDA: NVRTC's output for real GPUs, and what the text depends on."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from tests.codegen.test_kernel_code import KERNELS
from voxgpu.codegen import nvrtc
from voxgpu.codegen.cuda_kernels import prelude
from voxgpu.codegen.cuda_renderer import CudaKernel, render, texts
from voxgpu.codegen.kernel import Kernel
from voxgpu.codegen.scalar import (
    Scalar,
    any_of,
    box_offsets,
    constant,
    count,
    largest,
    parameter,
    read,
    smallest,
    total,
    where,
)

ARCHITECTURES = (70, 80, 90)

V, B = read(0, "f32"), read(0, "bool", False)


def _cuda(kernel: Kernel) -> CudaKernel:
    return CudaKernel(kernel, tuple((each, None) for each in kernel.reductions))


def _mean() -> CudaKernel:
    mask = read(1, "bool")
    summed, counted = total(where(mask, V, 0.0)), count(mask)
    kernel = Kernel(("float32", "bool"), (), (), (summed, counted))
    return CudaKernel(kernel, ((summed / counted, 1),))


ALL = {name: _cuda(kernel) for name, kernel in KERNELS.items()}
ALL["near"] = _cuda(Kernel(("bool",), (), (any_of(B[each] for each in box_offsets(1)),)))
ALL["mean"] = _mean()
_NEXT, _NUMBER = read(0, "f32", -7.5), parameter(0, "f32")
ALL["wide"] = _cuda(
    Kernel(
        ("uint64", "int64", "bool"),
        ("f32",),
        (V < _NUMBER, read(1, "f32") == V, where(read(2, "bool"), V, 0.0)),
        (smallest(V), largest(read(1, "f32")), total(V)),
        ("bool", "bool", "uint64"),
    )
)
ALL["wide neighbors"] = _cuda(Kernel(("int64",), ("f32",), (_NEXT[0, 0, 1] >= _NEXT,)))


@pytest.fixture(scope="module")
def compiler() -> None:
    if nvrtc.missing():
        pytest.skip(f"needs NVIDIA's compiler: {nvrtc.missing()}")


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_all_of_a_schedule_is_one_module_without_spills(compiler: None, architecture: int) -> None:
    named = texts(list(ALL.values()))
    built = nvrtc.compile_text(prelude() + "".join(named.values()), architecture)
    assert built.cubin[:4] == b"\x7fELF"
    assert built.resources.keys() == named.keys()
    for name, taken in built.resources.items():
        assert not taken.spills and not taken.stack, (name, taken)
        assert taken.registers <= 64, (name, taken)


def _many_sums(means: int) -> CudaKernel:
    """Means in as many masks, with the range and an image, as programs print them at once."""
    masks = [float(number) < V for number in range(means)]
    summed = [each for m in masks for each in (total(where(m, V, 0.0)), count(m))]
    return _cuda(Kernel(("float32",), (), (V * 2.0,), (smallest(V), *summed, largest(V))))


@pytest.mark.slow
@pytest.mark.parametrize("architecture", (*ARCHITECTURES, 100))
@pytest.mark.parametrize("means", [3, 15])
def test_many_sums_do_not_spill(compiler: None, means: int, architecture: int) -> None:
    """A thread that accumulated 15 at once would need more than the 255 registers that it has."""
    text = prelude() + render(_many_sums(means), "kernel")
    taken = nvrtc.compile_text(text, architecture).resources["kernel"]
    assert not taken.spills and not taken.stack, taken
    assert taken.registers <= 80, taken


def test_voxels_are_stored_once_and_read_for_each_group_of_sums() -> None:
    text = render(_many_sums(5), "kernel")
    assert text.count("store_four(") == 1
    assert text.count("load_four(") == 3


def test_nothing_is_contracted_and_denormal_numbers_stay(compiler: None) -> None:
    """Checks the PTX text for the driver, which states both; machine code is hard to read."""
    ptx = _ptx(render(ALL["arithmetic"], "kernel"))
    assert "fma" not in ptx and ".ftz" not in ptx
    assert "div.rn.f32" in ptx and "mul.rn.f32" in ptx


def _ptx(text: str) -> str:
    from cuda.bindings import nvrtc as library

    program = library.nvrtcCreateProgram((prelude() + text).encode(), b"x.cu", 0, [], [])[1]
    options = [b"--gpu-architecture=compute_80", *(each.encode() for each in nvrtc.OPTIONS)]
    assert not int(library.nvrtcCompileProgram(program, len(options), options)[0])
    buffer = b" " * library.nvrtcGetPTXSize(program)[1]
    library.nvrtcGetPTX(program, buffer)
    return buffer.decode()


def test_what_is_no_program_is_told_with_its_line(compiler: None) -> None:
    with pytest.raises(nvrtc.NvrtcError, match=r"voxgpu.cu\(1\): error"):
        nvrtc.compile_text('extern "C" __global__ void k(int* x) { *x = nothing; }', 80)


def test_names_say_what_kernels_are() -> None:
    again = {name: _cuda(kernel) for name, kernel in KERNELS.items()}
    names = {name: kernel.name for name, kernel in ALL.items()}
    assert all(names[name] == kernel.name for name, kernel in again.items())
    assert len(set(names.values())) == len(names)
    one, two = (render(each, "kernel") for each in (ALL["mean"], _mean()))
    assert one == two


@pytest.mark.parametrize("value", [0.1, -0.0, 3.5e38, 1e-45, float("nan"), float("-inf")])
def test_constants_are_bits(value: float) -> None:
    text = render(CudaKernel(Kernel(("float32",), (), (V + value,))), "kernel")
    (bits,) = re.findall(r"__int_as_float\(0x([0-9A-F]{8})\)", text)
    with np.errstate(over="ignore"):
        assert int(bits, 16) == int(np.float32(value).view(np.uint32))


def test_the_value_outside_is_the_neighborhood_s_own() -> None:
    outside: Any = -0.0
    body: Scalar = read(0, "f32", outside)[(0, 0, 1)] + constant(1.0)
    text = render(CudaKernel(Kernel(("int16",), (), (body,))), "kernel")
    assert "is_inside(place.x + 1, width)" in text and "__int_as_float(0x80000000)" in text
    assert "place.y + " not in text


def test_what_compilers_say_of_kernels_is_read() -> None:
    log = """ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'k_one' for 'sm_80'
ptxas info    : Function properties for k_one
    8 bytes stack frame, 16 bytes spill stores, 24 bytes spill loads
ptxas info    : Used 40 registers, used 1 barriers, 2080 bytes smem, 400 bytes cmem[0]
ptxas info    : Compiling entry function 'k_two' for 'sm_80'
ptxas info    : Function properties for k_two
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 12 registers, 400 bytes cmem[0]
"""
    assert nvrtc.resources_of(log) == {
        "k_one": nvrtc.Resources(40, 40, 8, 2080),
        "k_two": nvrtc.Resources(12, 0, 0, 0),
    }
