"""Sums are added in the order that defines them: in blocks by halves, then the blocks by halves."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conformance.backends import NAMES, backend_named
from tests.conformance.on_backend import outcome_of
from voxgpu.codegen.interpreter import BLOCK, tree_sum
from voxgpu.image import Grid, Image
from voxgpu.primitives.reductions import average

#: Numbers of voxels: within a block, at its bounds, and of several blocks.
SIZES = [1, 2, 3, 100, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5]


def _numbers(size: int) -> np.ndarray:
    """Numbers so different in size that every order of adding them rounds differently."""
    random = np.random.default_rng(size)
    return (random.normal(size=size) * 2.0 ** random.integers(-30, 30, size)).astype(np.float32)


def _halved(numbers: list[float]) -> float:
    """The sum of as many numbers as a power of two."""
    if len(numbers) == 1:
        return numbers[0]
    half = len(numbers) // 2
    return _halved([a + b for a, b in zip(numbers[:half], numbers[half:], strict=True)])


def _in_order(numbers: np.ndarray) -> float:
    filled = numbers.astype(float).tolist() + [0.0] * (-len(numbers) % BLOCK)
    blocks = [_halved(filled[at : at + BLOCK]) for at in range(0, len(filled), BLOCK)]
    return _halved(blocks + [0.0] * ((1 << (len(blocks) - 1).bit_length()) - len(blocks)))


@pytest.mark.parametrize("size", SIZES)
def test_the_reference_adds_in_this_order(size: int) -> None:
    numbers = _numbers(size)
    assert float(tree_sum(numbers)) == _in_order(numbers)


@pytest.mark.parametrize("name", NAMES)
def test_every_backend_adds_in_this_order(name: str) -> None:
    (primitive,) = average.overloads
    with backend_named(name) as backend:
        for size in SIZES:
            numbers = _numbers(size)
            grid = Grid.regular((1, size))
            image = Image(numbers.reshape(1, -1), grid)
            everywhere = Image(np.ones((1, size), bool), grid)
            found = outcome_of(primitive, [image, everywhere], grid, backend)
            assert getattr(found, "value", found) == _in_order(numbers) / size
