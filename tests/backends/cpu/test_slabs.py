"""Kernels on slabs so small that every image has many: what is carried from one to the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from voxgpu.backends.cpu import components, dilation, distance, gradient
from voxgpu.backends.thread_pool import ThreadPool, slabs
from voxgpu.image import Grid
from voxgpu.primitives import components as component_meaning
from voxgpu.primitives import distance as distance_meaning
from voxgpu.primitives import internal, texture
from voxgpu.primitives import ranked as ranked_meaning

SHAPES = [(7, 9, 64), (5, 16, 23), (40, 33)]


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadPool]:
    def small(length: int, voxels: int, at_once: int = 0) -> list[tuple[int, int]]:
        return slabs(length, voxels, 100)

    for module in (components, dilation, distance, gradient):
        monkeypatch.setattr(module, "slabs", small)
    made = ThreadPool(2)
    yield made
    made.close()


def _masks(shape: tuple[int, ...]) -> Iterator[Any]:
    random = np.random.default_rng(len(shape))
    for share in (0.02, 0.3, 0.9):
        yield random.random(shape) < share


@pytest.mark.parametrize("shape", SHAPES)
def test_components(shape: tuple[int, ...], pool: ThreadPool) -> None:
    for b in _masks(shape):
        a = np.roll(b, 3, -1) & (np.indices(shape)[-1] < 9)
        for found, expected in (
            (components.through(a, b, pool), component_meaning.through.function(a, b)),
            (components.labels(b, pool), component_meaning.labels.function(b)),
            (
                components.largest_component(b, pool),
                component_meaning.largest_component.function(b),
            ),
            (components.ranked_components(b, pool), ranked_meaning.ranked_components.function(b)),
        ):
            assert np.array_equal(found, expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_boxes_and_distances(shape: tuple[int, ...], pool: ThreadPool) -> None:
    grid = Grid.regular(shape, (1.3, 0.7, 1.1)[-len(shape) :])
    for b in _masks(shape):
        assert np.array_equal(dilation.near(b, 2, pool), internal.box_dilate.function(b, 2))
        found = distance.signed_distance(b, grid, pool)
        assert found.tobytes() == distance_meaning.signed_distance.function(b, grid).tobytes()
        close = distance.distance_compare(b, 2.5, "dt", "less", "region", grid, pool)
        assert np.array_equal(close, found < 2.5)


@pytest.mark.parametrize("shape", SHAPES)
def test_gradient(shape: tuple[int, ...], pool: ThreadPool) -> None:
    v = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    grid = Grid.regular(shape, (1.5, 0.7, 1.0)[-len(shape) :])
    assert np.array_equal(gradient.gradient(v, grid, pool), texture.gradient.function(v, grid))


@pytest.mark.parametrize("length", [16_383, 16_384, 16_385])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_axes_as_long_as_the_number_that_stands_for_none(length: int, axis: int) -> None:
    """Columns without a true voxel have more steps than 16 bits, and are at no distance."""
    shape = [1, 2, 2]
    shape[axis] = length
    b = np.zeros(shape, bool)
    _check_distance(b)
    b[0, 0, 0] = True
    _check_distance(b)


def test_squares_that_float32_does_not_have() -> None:
    """Of whole mm, which it has up to 4096."""
    b = np.zeros((1, 3, 7000), bool)
    b[0, 0, 0] = True
    _check_distance(b)


@pytest.mark.parametrize("kind", ["dt", "pdt"])
@pytest.mark.parametrize("r", [np.inf, -np.inf, np.nan])
def test_radii_that_are_no_length(kind: str, r: float) -> None:
    made, grid = ThreadPool(1), Grid.regular((2, 3, 4))
    for b in (np.zeros((2, 3, 4), bool), np.ones((2, 3, 4), bool), np.indices((2, 3, 4))[2] > 1):
        for operator in ("less", "less_equal", "greater", "greater_equal"):
            asked = b, r, kind, operator, "region", grid
            found = distance.distance_compare(*asked, made)
            assert np.array_equal(found, internal.distance_compare.function(*asked)), operator
    made.close()


def _check_distance(b: Any) -> None:
    made = ThreadPool(1)
    grid = Grid.regular(b.shape)
    found = distance.distance(b, grid, made)
    made.close()
    assert np.array_equal(found, distance_meaning.distance.function(b, grid))
