"""Generated kernels: their text, LLVM's output, and their results."""

from __future__ import annotations

import platform
import re
from typing import Any

import numpy as np
import pytest

from voxgpu.backends.thread_pool import ThreadPool
from voxgpu.codegen import compile
from voxgpu.codegen.compile import run_kernel
from voxgpu.codegen.integer_interpreter import to_kernel_dtype
from voxgpu.codegen.interpreter import evaluate
from voxgpu.codegen.jit import jit_compiler
from voxgpu.codegen.kernel import Kernel
from voxgpu.codegen.llvm_renderer import render
from voxgpu.codegen.scalar import (
    Scalar,
    any_of,
    box_offsets,
    count,
    largest,
    parameter,
    position,
    read,
    smallest,
    total,
    where,
)

V, W, B = read(0, "f32"), read(1, "f32"), read(2, "bool")
P = parameter(0, "f32")

KERNELS = {
    "threshold": Kernel(("int16",), ("f32",), (V > P,)),
    "arithmetic": Kernel(("float32", "int16"), ("f32",), (where(V > W, V / W * P, abs(V)),)),
    "masks": Kernel(("uint8", "uint8", "bool"), (), (B & (V < W) | ~B, where(B, V, W))),
    "double": Kernel(("float64",), (), (V - 0.5,)),
    "reductions": Kernel(("float32",), (), (), (count(V > 1.0), smallest(V), largest(V))),
    "ramp": Kernel(("float32",), (), (V + position(0),)),
    "labels": Kernel(("int32", "uint32"), ("f32",), (V == P, V < W), (largest(V), smallest(W))),
}


@pytest.mark.skipif(
    platform.machine() != "x86_64", reason="looks for the vector instructions of x86-64"
)
@pytest.mark.parametrize("name", KERNELS)
def test_loops_become_vector_instructions(name: str) -> None:
    kernel = KERNELS[name]
    code = jit_compiler().assembly(render(kernel, "kernel"), "kernel")
    packed = re.findall(
        r"\bv?(?:cmp\w*ps|addps|subps|mulps|divps|pminsd|pmaxsd|pand|por|cvt\w+)\b.*[xyz]mm", code
    )
    assert packed, code
    # One vectorized loop and one for the remainder, and no branch for a comparison.
    assert "call" not in code


@pytest.mark.parametrize("name", KERNELS)
def test_nothing_is_contracted_or_reordered(name: str) -> None:
    text = render(KERNELS[name], "kernel")
    assert not re.search(r"\b(fast|reassoc|contract|nnan|arcp)\b", text)
    assert not re.search(r"vfn?m(add|sub)", jit_compiler().assembly(text, "kernel"))


def test_a_kernel_knows_no_values_of_parameters() -> None:
    """A sweep of thresholds compiles once."""
    v = np.arange(6, dtype=np.int16).reshape(2, 3)
    before = jit_compiler().compiled
    workers = ThreadPool(1)
    kernel = Kernel(("int16",), ("f32",), (V * P > P + 12345.0,))
    for threshold in (1.0, 2.0, 3.5):
        run_kernel(kernel, [v], [threshold], v.shape, workers)
    assert jit_compiler().compiled <= before + 1


def _voxels(element: str, shape: tuple[int, ...]) -> Any:
    random = np.random.default_rng(5)
    if element == "bool":
        return random.random(shape) < 0.5
    if element.startswith("float"):
        odd = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, 1e-42, 3e38, 1.5, -2.25], element)
        return random.choice(odd, shape)
    limits = np.iinfo(element)
    return random.integers(limits.min, limits.max, shape, element, endpoint=True)


@pytest.mark.parametrize(
    "element",
    "bool uint8 int8 uint16 int16 uint32 int32 uint64 int64 float32 float64".split(),  # noqa: SIM905
)
@pytest.mark.parametrize("shape", [(3, 5, 7), (1, 1), (70, 1000), (2, 300, 129)])
def test_every_element_is_read_as_the_reference_does(element: str, shape: tuple[int, ...]) -> None:
    voxels = _voxels(element, shape)
    v = read(0, "bool" if element == "bool" else "f32")
    number = where(v, 2.0, 3.0) if element == "bool" else v
    bodies = (number * 3.0 - 1.0, number >= 1.0)
    reductions = (count(number > 2.0), smallest(number), largest(number), total(number))
    kernel = Kernel((element,), (), bodies, reductions)
    with np.errstate(all="ignore"):
        expected = [
            evaluate(each, [to_kernel_dtype(voxels)], [], shape) for each in (*bodies, *reductions)
        ]
    for threads in (1, 3):
        workers = ThreadPool(threads)
        images, numbers = run_kernel(kernel, [voxels], [], shape, workers)
        workers.close()
        for found, wanted in zip([*images, *numbers], expected, strict=True):
            assert np.array_equal(found, wanted, equal_nan=np.asarray(wanted).dtype.kind == "f")


def _neighborhoods() -> dict[str, Scalar]:
    b, v = read(0, "bool", True), read(0, "f32", -7.5)
    return {
        "any": any_of(b[offset] for offset in box_offsets(1)),
        "far": b[(0, 0, 3)] & b[(-2, 0, 0)] | b[(1, -1, 2)],
        "slope": v[(0, 0, 1)] - v[(0, 0, -1)] + v[(0, 2, 0)] * v[(-1, 0, 0)],
        "placed": where(position(1) > position(0), v[(1, 0, 0)], v),
    }


@pytest.mark.parametrize("name", _neighborhoods())
@pytest.mark.parametrize("shape", [(3, 4, 5), (4, 6), (1, 1, 1), (5, 1, 2), (40, 30, 20)])
def test_neighborhoods_read_what_lies_outside_at_the_frame(
    name: str, shape: tuple[int, ...]
) -> None:
    body = _neighborhoods()[name]
    element = "bool" if name in ("any", "far") else "float32"
    random = np.random.default_rng(3)
    voxels = random.random(shape) < 0.3 if element == "bool" else random.normal(size=shape)
    voxels = voxels.astype(element)
    workers = ThreadPool(2)
    (found,), _ = run_kernel(Kernel((element,), (), (body,)), [voxels], [], shape, workers)
    workers.close()
    assert np.array_equal(found, evaluate(body, [voxels], [], shape))


@pytest.mark.parametrize("name", _neighborhoods())
def test_slices_of_neighborhoods_fit_each_other(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile, "NEIGHBORHOOD_SLICE", 1 << 8)
    test_neighborhoods_read_what_lies_outside_at_the_frame(name, (40, 12, 20))


def test_nan_is_not_equal_to_itself() -> None:
    """In bodies of users, as in Python; the language's own `!=` is made of `<` and `>`."""
    v, w = read(0, "f32"), read(1, "f32")
    odd = [0.0, -0.0, 1.0, np.nan, np.inf]
    pairs = np.array([[a, b] for a in odd for b in odd], np.float32)
    images = [np.ascontiguousarray(pairs[:, side]).reshape(5, 5) for side in (0, 1)]
    bodies = (v == w, v != w, v < w, v <= w, v > w, v >= w)
    workers = ThreadPool(1)
    found, _ = run_kernel(Kernel(("float32",) * 2, (), bodies), images, [], (5, 5), workers)
    workers.close()
    for each, operator in zip(found, ("eq", "ne", "lt", "le", "gt", "ge"), strict=True):
        expected = [getattr(np.float32(a), f"__{operator}__")(np.float32(b)) for a, b in pairs]
        assert each.reshape(-1).tolist() == [bool(truth) for truth in expected], operator
