"""The machine code of hand-written kernels stores whole vectors, on processors of both kinds.

Where a loop stores one of two values of which one was there before, LLVM stores under a mask. With
AVX2 such a store takes many times as long as a plain one.
"""

from __future__ import annotations

import platform
import re
from functools import cache

import pytest

from voxgpu.codegen.jit import JitCompiler
from voxgpu.codegen.numba_kernels import kernel_text, kernels_of_library
from voxgpu.codegen.object_cache import ObjectCache

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="code for x86-64"),
]

#: LLVM's names of processors with AVX2, and with AVX-512.
PROCESSORS = ("x86-64-v3", "x86-64-v4")

#: Kernels that store under a mask, and why that is right.
MASKED = {
    ("distance", "lower_planes_float32"): "only wanted voxels are written, once each",
    ("distance", "lower_planes_float64"): "only wanted voxels are written, once each",
}

#: Files whose kernels store at places that depend on the data, or a few numbers in all.
SCATTERED = {"components", "local_histogram", "otsu", "percentiles", "threshold_counts"}

#: Kernels of these files that store in order all the same.
IN_ORDER = {
    ("components", "write_marked"),
    ("local_histogram", "correlate_tile_uint16"),
    ("local_histogram", "correlate_tile_uint32"),
    ("percentiles", "look_up_uint8"),
    ("percentiles", "look_up_uint16"),
    ("percentiles", "write_ranks"),
}

_MASKED = re.compile(
    r"^\s+(?:vp?maskmov\w+\s+%\w+, %\w+, [^\n]*\(|v\w+\s+%[xyz]mm\d+, [^%\n]*\([^\n]*\)\s*\{%k"
    r"|vp?scatter)",
    re.MULTILINE,
)
_WHOLE = re.compile(r"^\s+vmov\w+\s+%[xyz]mm\d+, [^%\n]*\((?!%rsp)[^\n]*\)$", re.MULTILINE)

KERNELS = list(kernels_of_library())


@cache
def _compiler(processor: str) -> JitCompiler:
    return JitCompiler(ObjectCache(None, ".o"), processor)


@cache
def _text(file: str, name: str) -> str:
    return kernel_text(file, name, "inspected")


def _assembly(text: str, processor: str) -> str:
    return _compiler(processor).assembly(text, "inspected")


@pytest.mark.parametrize("processor", PROCESSORS)
@pytest.mark.parametrize("kernel", KERNELS, ids=".".join)
def test_kernels_store_whole_vectors(kernel: tuple[str, str], processor: str) -> None:
    code = _assembly(_text(*kernel), processor)
    masked = _MASKED.findall(code)
    assert bool(masked) == (kernel in MASKED), masked
    if kernel in IN_ORDER or kernel[0] not in SCATTERED:
        assert _WHOLE.search(code), "only single numbers are stored"


#: Stores the lower of two numbers where it is not there already.
_LOWERING = """
define void @inspected(ptr noalias %tile, ptr noalias %source, i64 %count) {
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %cont ]
  %p = getelementptr float, ptr %tile, i64 %i
  %q = getelementptr float, ptr %source, i64 %i
  %before = load float, ptr %p
  %new = load float, ptr %q
  %lower = fcmp olt float %new, %before
  br i1 %lower, label %put, label %cont
put:
  store float %new, ptr %p
  br label %cont
cont:
  %next = add i64 %i, 1
  %ended = icmp eq i64 %next, %count
  br i1 %ended, label %exit, label %loop
exit:
  ret void
}
"""


@pytest.mark.parametrize("processor", PROCESSORS)
def test_stores_under_a_mask_are_recognized(processor: str) -> None:
    assert _MASKED.search(_assembly(_LOWERING, processor))
