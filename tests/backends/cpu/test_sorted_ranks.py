"""Ranks by sorting are the reference's bits, in however many parts the numbers are sorted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from voxgpu.backends.cpu import percentiles
from voxgpu.backends.thread_pool import ThreadPool
from voxgpu.codegen.integer_interpreter import to_kernel_dtype
from voxgpu.primitives.intensity_ranks import percentiles as reference

ELEMENTS = ["float32", "ties", "special", "int32", "uint32", "int64"]


@pytest.fixture(scope="module", params=[1, 2, 5])
def pool(request: pytest.FixtureRequest) -> Iterator[ThreadPool]:
    made = ThreadPool(request.param)
    yield made
    made.close()


def _voxels(kind: str, shape: tuple[int, ...], random: np.random.Generator) -> Any:
    if kind == "float32":
        return random.standard_normal(shape).astype(np.float32)
    if kind == "ties":
        return (random.integers(-3, 4, shape) / 2).astype(np.float32)
    if kind == "special":
        return random.choice(np.float32([np.nan, -0.0, 0.0, np.inf, -np.inf, 1e-45]), shape)
    bounds = np.iinfo(kind)
    return random.integers(bounds.min, bounds.max, shape, kind, endpoint=True)


@pytest.mark.parametrize("kind", ELEMENTS)
def test_ranks_of_parts(kind: str, pool: ThreadPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(percentiles, "LEAST_PART", 3)
    random = np.random.default_rng(ELEMENTS.index(kind))
    for share in (0.0, 0.05, 0.5, 1.0):
        for _ in range(6):
            shape = tuple(int(each) for each in random.integers(1, 8, 3))
            voxels, mask = _voxels(kind, shape, random), random.random(shape) < share
            expected = reference.function(to_kernel_dtype(voxels), mask, 0.4)
            found = percentiles._sorted_ranks(voxels, mask, 0.4, pool)
            assert found.tobytes() == np.asarray(expected, np.float32).tobytes()


def test_keys_of_all_digits_stay_in_order(pool: ThreadPool) -> None:
    """Enough numbers for parts of the usual size, each value several times."""
    random = np.random.default_rng(1)
    voxels = random.choice(random.standard_normal(40_000).astype(np.float32), (3, 300, 300))
    mask = random.random(voxels.shape) < 0.9
    expected = reference.function(voxels, mask, 0.5)
    assert np.array_equal(percentiles._sorted_ranks(voxels, mask, 0.5, pool), expected)
