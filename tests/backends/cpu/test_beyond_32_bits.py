"""Images of more than 2³¹ voxels on the CPU: what has 32 bits is no index of voxels, or is guarded.

Kernels get slabs by addresses, and their indices, as integers of 64 bits. Numbers of runs, and
places where voxels are sorted, have 32 bits: limits that are small here.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from voxgpu.backends.cpu import components, percentiles
from voxgpu.backends.thread_pool import ThreadPool
from voxgpu.codegen.numba_kernels import declared_kernels, kernels_of_library
from voxgpu.primitives import intensity_ranks
from voxgpu.primitives.primitive import UndefinedValueError


@pytest.fixture
def pool() -> Iterator[ThreadPool]:
    made = ThreadPool(2)
    yield made
    made.close()


@pytest.mark.parametrize(("module", "name"), sorted(kernels_of_library()))
def test_numbers_that_kernels_are_given_have_64_bits(module: str, name: str) -> None:
    _, result, types = declared_kernels(module)[name]
    integers = {each for each in (result, *types) if each.startswith(("int", "uint"))}
    assert {each for each in integers if not each.endswith("*")} <= {"int64"}


@pytest.mark.parametrize("name", ["labels", "largest_component", "ranked_components"])
def test_more_runs_than_can_be_numbered_are_refused(
    name: str, pool: ThreadPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute = getattr(components, name)
    b = np.zeros((2, 3, 9), bool)
    b[:, 1, ::2] = True  # ten runs
    monkeypatch.setattr(components, "MOST_RUNS", 10)
    compute(b, pool)
    monkeypatch.setattr(components, "MOST_RUNS", 9)
    with pytest.raises(UndefinedValueError, match="a region of 10 runs of voxels along x"):
        compute(b, pool)


@pytest.mark.parametrize("most", [23, 24])
def test_more_voxels_than_can_be_sorted_have_the_ranks_of_the_reference(
    most: int, pool: ThreadPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(percentiles, "MOST_SORTED", most)
    v = np.random.default_rng(1).normal(size=(2, 3, 4)).astype(np.float32)
    mask = v > -0.5
    if most < v.size:  # nothing is sorted with places of 32 bits
        monkeypatch.setattr(percentiles, "kernel", None)
    expected = intensity_ranks.percentiles.function(v, mask, 0.5)
    assert np.array_equal(percentiles.percentiles(v, mask, 0.5, pool), expected)
