"""Sums and counts of expressions of positions: by slabs, and for any number of voxels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from voxgpu.backends.thread_pool import ThreadPool
from voxgpu.codegen import compile as compiling
from voxgpu.codegen.compile import SLICE, run_kernel
from voxgpu.codegen.interpreter import BLOCK, evaluate, tree_sum
from voxgpu.codegen.kernel import Kernel
from voxgpu.codegen.scalar import Scalar, count, largest, position, read, smallest, total, where

#: Rows that end within blocks, rows of several pieces, a row of one voxel, planes, thin volumes.
SHAPES = [(37, 61, 53), (3, 2, 200_001), (70_001, 1, 3), (300_000, 1, 1), (451, 449), (1, 1, 7)]


def bodies() -> tuple[Scalar, ...]:
    v, mask = read(0, "f32"), read(1, "bool")
    x, y, z = position(0), position(1), position(2)
    return (
        total(where(mask, x + v, 0.0)),
        total(y * 3.0 - z),
        count(mask & (x > y)),
        smallest(v - x),
        largest(z + y),
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_they_are_the_reference_s_bits(shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    v = random.integers(-300, 300, shape).astype(np.int16)
    mask = random.random(shape) < 0.5
    outputs = (position(0) + position(1) * 2.0, read(0, "f32") > position(2))
    kernel = Kernel(("int16", "bool"), (), outputs, bodies())
    plain = [v.astype(np.float32), mask]
    expected = [evaluate(each, plain, [], shape) for each in (*outputs, *kernel.reductions)]
    for threads in (1, 3):
        workers = ThreadPool(threads)
        images, numbers = run_kernel(kernel, [v, mask], [], shape, workers)
        workers.close()
        for found, wanted in zip([*images, *numbers], expected, strict=True):
            assert np.asarray(found).tobytes() == np.asarray(wanted).tobytes()


def _run(shape: tuple[int, ...], reductions: tuple[Scalar, ...]) -> Any:
    kernel = Kernel((), (), (), reductions)
    function = compiling._function_of(kernel)
    return compiling._Run(kernel.exact, function, [], [], [], shape)


def test_a_piece_is_a_slab_of_whole_blocks() -> None:
    """For an image that exceeds memory: at most 8 bytes for each voxel of a piece."""
    run = _run((1291, 1291, 1289), bodies()[1:2])
    starts, stops = zip(*run.pieces(), strict=True)
    assert max(np.subtract(stops, starts)) == SLICE
    assert all(start % BLOCK == 0 for start in starts)
    assert stops[-1] == 1291 * 1291 * 1289
    places = [each.nbytes for each in run._left(SLICE)]
    assert places == [8 * SLICE]


def test_places_of_voxels_beyond_32_bits() -> None:
    """The last piece of an image of more than 2³¹ voxels, whose other pieces are not computed."""
    shape = (1291, 1291, 1290)
    voxels = 1291 * 1291 * 1290
    assert voxels > 2**31
    x, y, z = position(0), position(1), position(2)
    run = _run(shape, (total(x), total(y), total(z), count(z >= 1290.0)))
    start, stop = run.pieces()[-1]
    numbers = np.arange(start, stop)
    wanted = numbers % 1290, numbers // 1290 % 1291, numbers // 1290 // 1291
    *sums, counted = run.piece((start, stop))
    for found, each in zip(sums, wanted, strict=True):
        assert tree_sum(each) == compiling.tree_of_blocks(found)
    assert counted == np.count_nonzero(wanted[2] >= 1290)


def test_counts_beyond_32_bits_are_added_up() -> None:
    reduction = count(position(0) >= 0.0)
    assert compiling._reduced(reduction, [np.int64(2**31 - 1)] * 3) == 3.0 * (2**31 - 1)
    assert _run((1, 1, 1), (reduction,))._left(1)[0].dtype == np.int64


@pytest.mark.slow
def test_all_of_two_billion_voxels_are_counted() -> None:
    workers = ThreadPool(2)
    x = position(0)
    shape = (1300, 1300, 1300)
    _, (found, sums) = run_kernel(
        Kernel((), (), (), (count(x >= 0.0), total(x))), [], [], shape, workers
    )
    workers.close()
    assert found == 1300**3
    assert sums == 1300**3 * 1299 / 2
