"""Hand-written kernels on images of many tiles, slabs and words, for one thread and several."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from voxgpu.backends.cpu import components, dilation, distance, gradient, local_histogram
from voxgpu.backends.thread_pool import ThreadPool
from voxgpu.image import Grid
from voxgpu.primitives import components as component_meaning
from voxgpu.primitives import distance as distance_meaning
from voxgpu.primitives import internal, texture
from voxgpu.primitives import ranked as ranked_meaning

SHAPES = [(40, 63, 65), (3, 200, 129), (1, 40, 300), (90, 5, 64), (250, 131), (64, 64, 8)]
SHARES = [0.001, 0.05, 0.4, 0.97]


@pytest.fixture(params=[1, 3])
def workers(request: pytest.FixtureRequest) -> Iterator[ThreadPool]:
    made = ThreadPool(request.param)
    yield made
    made.close()


def _mask(shape: tuple[int, ...], share: float) -> Any:
    """Random voxels and blobs, so that there are runs of all lengths."""
    random = np.random.default_rng(len(shape))
    mask = random.random(shape) < share
    for _ in range(3):
        place = tuple(slice(start, start + 9) for start in (random.integers(0, n) for n in shape))
        mask[place] ^= True
    return mask


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("share", SHARES)
def test_components(shape: tuple[int, ...], share: float, workers: ThreadPool) -> None:
    b, a = _mask(shape, share), _mask(shape, 0.01)
    assert np.array_equal(
        components.through(a, b, workers), component_meaning.through.function(a, b)
    )
    assert np.array_equal(components.labels(b, workers), component_meaning.labels.function(b))
    assert np.array_equal(
        components.largest_component(b, workers), component_meaning.largest_component.function(b)
    )
    assert np.array_equal(
        components.ranked_components(b, workers), ranked_meaning.ranked_components.function(b)
    )
    count = ranked_meaning.component_count.function(b)
    assert components.component_count(b, workers) == count


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.5, 0.7, 1.1), (0.9375, 0.9375, 1.2)])
@pytest.mark.parametrize("share", [0.0005, 0.3])
def test_distances(
    shape: tuple[int, ...], spacing: tuple[float, ...], share: float, workers: ThreadPool
) -> None:
    b, grid = _mask(shape, share), Grid.regular(shape, spacing[-len(shape) :])
    signed = distance_meaning.signed_distance.function(b, grid)
    outside = distance_meaning.distance.function(b, grid)
    assert distance.signed_distance(b, grid, workers).tobytes() == signed.tobytes()
    assert np.array_equal(distance.distance(b, grid, workers), outside)
    for kind, distances in (("dt", signed), ("pdt", outside)):
        # Radii that are distances of some voxels, and some that are not.
        for r in (float(np.median(distances)), 2.0, 7.3, -1.0):
            for operator in ("less", "less_equal", "greater", "greater_equal"):
                found = dilation.distance_compare(b, r, kind, operator, grid, workers)
                if found is not None:
                    assert np.array_equal(found, internal.compare(operator, distances, r))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("bins", [5, 20, 100])
def test_cross_correlation(shape: tuple[int, ...], bins: int, workers: ThreadPool) -> None:
    random = np.random.default_rng(bins)
    a = random.integers(0, 60, shape).astype(np.int16)
    a[a < 30] = 0  # a background
    grid = Grid.regular(shape, (1.0, 0.7, 2.0)[-len(shape) :])
    mask = random.random(shape) < 0.1
    for r, low, high in ((1.0, 0.0, 60.0), (4.0, 0.0, 47.0), (3.0, 100.0, 200.0)):
        found = local_histogram.cross_correlation(r, a, a, mask, low, high, bins, grid, workers)
        numbers = a.astype(np.float32)
        expected = texture.cross_correlation.function(
            r, numbers, numbers, mask, low, high, float(bins), grid
        )
        assert np.array_equal(found, expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_gradient(shape: tuple[int, ...], workers: ThreadPool) -> None:
    v = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    v.reshape(-1)[::97] = np.nan
    v.reshape(-1)[::89] = np.inf
    grid = Grid.regular(shape, (1.5, 0.7, 1.0)[-len(shape) :])
    expected = texture.gradient.function(v, grid)
    assert np.array_equal(gradient.gradient(v, grid, workers), expected, equal_nan=True)
