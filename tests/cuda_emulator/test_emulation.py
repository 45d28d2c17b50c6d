"""The emulation itself detects what a device rejects or leaves undefined."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cuda_emulator.module import EmulationError, Module, requires_emulation
from voxgpu.codegen.cuda_kernels import library_text

SAMPLES = (Path(__file__).parent / "samples.cu").read_text()
BEFORE = library_text("scalar_kernels").partition("// Arithmetic of single numbers")[0]
VALUES = np.arange(1000, dtype=np.int32) ** 2 % 97

requires_emulation()


def _total(text: str, seed: int = 0) -> int:
    module = Module(BEFORE + text)
    module.configure(seed=seed, yield_per_mille=300 if seed else 0, resident=4 if seed else 1)
    sums, arrived, total = np.zeros(16, np.int32), np.zeros(1, np.uint32), np.zeros(1, np.int32)
    arguments = (VALUES, sums, arrived, total, np.int32(len(VALUES)))
    module.get_function("sample_total")((16,), (64,), arguments)
    return int(total[0])


def _seeded(old: str, new: str, number: int = 0) -> str:
    place = -1
    for _ in range(number + 1):
        place = SAMPLES.index(old, place + 1)
    return SAMPLES[:place] + new + SAMPLES[place + len(old) :]


#: A change, and the error, or ``wrong``, that must result under some order of threads.
SEEDED_BUGS = {
    "no barrier after writing": (("  __syncthreads();\n  for", "  for"), "wrong"),
    "no barrier in the loop": (("halves[me + half];\n    __syncthreads();", "halves[me + half];"),
                               "wrong"),
    "a barrier that not all reach": (
        ("if (me < half) halves[me] += halves[me + half];\n    __syncthreads();",
         "if (me < half) { halves[me] += halves[me + half]; __syncthreads(); }"),
        "barrier",
    ),
    "threads that leave before a barrier": (
        ("  halves[me] = i < n", "  if (i >= n) return;\n  halves[me] = i < n"), "barrier"),
    "an array that is not filled": (("halves[me] = i < n ? values[i] : 0;",
                                     "if (i < n) halves[me] = values[i];"), "wrong"),
    "a count that is not atomic": (("atomicAdd(arrived, 1u) ==", "(*arrived)++ + 1 =="), "wrong"),
}  # fmt: skip


def test_what_is_right_is_right_in_every_order() -> None:
    for seed in range(8):
        assert _total(SAMPLES, seed) == VALUES.sum()


def test_only_the_last_blocks_run_where_no_more_are_asked_for() -> None:
    text = """extern "C" __global__ void place(i32* out) {
      out[(blockIdx.y * gridDim.x + blockIdx.x) * 32 + threadIdx.x] = 1; }"""
    for last, expected in ((0, 6), (1, 1), (4, 4), (6, 6), (99, 6)):
        module, out = Module(BEFORE + text), np.zeros((6, 32), np.int32)
        module.configure(last_blocks=last)
        module.get_function("place")((3, 2), (32,), (out.reshape(-1),))
        assert out.all(1).tolist() == [False] * (6 - expected) + [True] * expected
    with pytest.raises(ValueError, match="without a seed"):
        module.configure(seed=1, last_blocks=2)


def test_libraries_keep_few_stacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a process that runs many kernels would run out of memory mappings."""
    texts = [f"{SAMPLES}\n#define THIS_IS {number}\n" for number in range(3)]
    libraries = [Module(BEFORE + text).library for text in texts]
    monkeypatch.setattr(type(libraries[0]), "MOST_STACKS", 200)
    for seed in (1, 0, 2):
        for text, library in zip(texts, libraries, strict=True):
            assert _total(text, seed) == VALUES.sum()
            kept = [each.functions.emulation_stacks() for each in libraries]
            own = library.functions.emulation_stacks()
            assert own >= 64 and (sum(kept) <= 200 or sum(kept) == own), kept


@pytest.mark.parametrize("name", SEEDED_BUGS)
def test_seeded_bugs_are_found(name: str) -> None:
    (old, new), expected = SEEDED_BUGS[name]
    text = _seeded(old, new)
    found = set()
    for seed in range(12):
        try:
            found.add("right" if _total(text, seed) == VALUES.sum() else "wrong")
        except EmulationError as error:
            found.add(str(error))
    assert any(expected in each for each in found), found


def test_warps_meet() -> None:
    module = Module(BEFORE + SAMPLES)
    first, second = np.zeros(1, np.int32), np.zeros(1, np.int32)
    module.get_function("sample_warp")((1,), (32,), (VALUES[:32], first, second))
    assert first[0] == second[0] == VALUES[:32].sum()


@pytest.mark.parametrize(
    ("grid", "block", "said"),
    [
        ((1,), (2048,), "threads a block"),
        ((0,), (32,), "sample_warp: "),
        ((1, 70000), (32,), "more blocks"),
    ],
)
def test_launches_that_a_device_refuses(grid: Any, block: Any, said: str) -> None:
    module = Module(BEFORE + SAMPLES)
    places = np.zeros(1, np.int32), np.zeros(1, np.int32)
    with pytest.raises(EmulationError, match=said):
        module.get_function("sample_warp")(grid, block, (VALUES[:32], *places))


def test_static_and_dynamic_shared_memory_share_48_kilobytes() -> None:
    """Unless a kernel opts in to more, which ours do not."""
    kernel = Module(BEFORE + SAMPLES).get_function("sample_shared")
    result = np.zeros(1, np.int32)
    kernel((1,), (64,), (result,), shared_mem=44 << 10)
    assert result[0] == 126
    with pytest.raises(EmulationError, match=r"4096 static, 45060 dynamic\), of at most 49152"):
        kernel((1,), (64,), (result,), shared_mem=(44 << 10) + 4)
    kernel((1,), (64,), (result,), shared_mem=(44 << 10) + 4, most_shared=227 << 10)


def test_blocks_are_as_large_as_launch_bounds_allow() -> None:
    """A device refuses larger ones: the registers of a kernel suffice for those that it names."""
    kernel = Module(BEFORE + SAMPLES).get_function("sample_shared")
    with pytest.raises(EmulationError, match="launch bounds"):
        kernel((1,), (65,), (np.zeros(1, np.int32),), shared_mem=1024)


@pytest.mark.parametrize("number", [5, np.int64(5), np.float32(5), VALUES])
def test_numbers_of_another_type_are_refused(number: Any) -> None:
    module = Module(BEFORE + SAMPLES)
    places = np.zeros(16, np.int32), np.zeros(1, np.uint32), np.zeros(1, np.int32)
    with pytest.raises(TypeError, match="sample_total, argument 5"):
        module.get_function("sample_total")((1,), (64,), (VALUES, *places, number))


def test_arrays_of_another_type_are_refused() -> None:
    module = Module(BEFORE + SAMPLES)
    place = np.zeros(1, np.int32)
    for wrong in (VALUES[:32].astype(np.int64), VALUES[:64:2], VALUES[:32].view(np.uint32)):
        with pytest.raises(TypeError, match="sample_warp, argument 1"):
            module.get_function("sample_warp")((1,), (32,), (wrong, place, place))
