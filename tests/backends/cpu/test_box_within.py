"""Boxes are clipped to the image: chains of `near` take no more memory than the image needs."""

from __future__ import annotations

import numpy as np
import pytest

from voxgpu.backends.cpu.dilation import box, box_within, interior, near
from voxgpu.backends.thread_pool import ThreadPool


@pytest.mark.parametrize("shape", [(3, 4, 5), (1, 6, 70), (7, 9), (15, 2, 40)])
@pytest.mark.parametrize("radius", [1, 3, 12, 13, 30, 5000])
def test_a_box_wider_than_the_image(shape: tuple[int, ...], radius: int) -> None:
    b = np.random.default_rng(radius).random(shape) < 0.1
    workers = ThreadPool(1)
    expected = np.zeros(shape, bool)
    for place in np.argwhere(b):
        box_around = tuple(slice(max(0, each - radius), each + radius + 1) for each in place)
        expected[box_around] = True
    assert np.array_equal(near(b, radius, workers), expected)
    assert np.array_equal(interior(~b, radius, workers), ~expected)
    assert len(box_within(shape, 5000).halves) < 4 * b.size


def test_a_box_is_the_same_where_the_image_is_large() -> None:
    for dimensions in (2, 3):
        full, cut = box(dimensions, 2), box_within((9,) * dimensions, 2)
        assert np.array_equal(full.halves, cut.halves)
        assert np.array_equal(full.steps_z, cut.steps_z)
