"""What only happens on devices with many multiprocessors, or for images larger than in tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.cuda_emulator.device import EmulatedDevice, emulated
from voxgpu.backends.cuda import distance
from voxgpu.backends.cuda.percentiles import percentiles
from voxgpu.image import Grid
from voxgpu.primitives import distance as distance_meaning
from voxgpu.primitives import intensity_ranks


def test_more_blocks_sort_than_a_warp_adds_at_once() -> None:
    """The counts of more than 128 blocks, as every scan has on more than 33 multiprocessors."""
    device = EmulatedDevice()
    device.multiprocessors = 64  # type: ignore[misc]
    v = np.random.default_rng(0).normal(size=(90, 90, 90)).astype(np.float32)
    mask = np.ones(v.shape, bool)
    found = percentiles(v, mask, 0.5, device)
    assert found.tobytes() == intensity_ranks.percentiles.function(v, mask, 0.5).tobytes()


@pytest.mark.parametrize("size", [4096, 4097, 10_000])
def test_more_chunks_than_a_block_adds_at_once(size: int) -> None:
    """Components of images of more than 16.8 million voxels."""
    counts = np.random.default_rng(size).integers(0, 9, size).astype(np.int32)
    expected = np.cumsum(counts) - counts
    device = EmulatedDevice()
    device.launch("components_ranks", "components_ranks_add", 1, 1024, counts, np.int64(size))
    assert np.array_equal(counts, expected)


def test_roots_of_sums_that_float32_does_not_have() -> None:
    """The squares of 4096 mm and more."""
    b = np.zeros((3, 7000), bool)
    b[0, 0] = True
    _check(b, 1.0)


@pytest.mark.parametrize("shape", [(2, 40, 8100), (1, 8100, 24)])
def test_lines_too_long_for_shared_memory(shape: tuple[int, ...]) -> None:
    """Blocks that run at once have scratch of their own."""
    module = emulated("distance")
    module.configure(seed=1, yield_per_mille=50, resident=6)
    try:
        _check(np.random.default_rng(2).random(shape) < 0.0005, 0.7)
    finally:
        module.configure()


def _check(b: Any, step: float) -> None:
    grid = Grid.regular(b.shape, (step,) * b.ndim)
    found = distance.distance(b, grid, EmulatedDevice())
    assert found.tobytes() == distance_meaning.distance.function(b, grid).tobytes()
