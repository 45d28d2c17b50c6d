"""Filters compared with their documentation, voxel by voxel."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from tests.primitives.images import masks, numbers, shapes
from tests.primitives.reference import computed
from voxgpu.primitives.filters import fill_holes, gaussian, median_filter
from voxgpu.primitives.primitive import UndefinedValueError

plain = st.integers(-50, 50).map(float)
SPACINGS = {2: (1.5, 0.8), 3: (2.0, 1.0, 0.7)}
images = shapes.flatmap(lambda shape: numbers(shape, plain))


def _smoothed(v, mm):
    """The definition: one axis after the other, with the edge repeated."""
    result = v.astype(np.float64)
    for axis, (step, size) in enumerate(zip(SPACINGS[v.ndim], v.shape, strict=True)):
        if size == 1 or mm == 0:
            continue
        sigma = mm / step
        reach = int(4 * sigma + 0.5)
        steps = np.arange(-reach, reach + 1)
        weights = np.exp(-0.5 * (steps / sigma) ** 2)
        weights /= weights.sum()
        places = np.clip(np.arange(size)[:, None] + steps, 0, size - 1)
        moved = np.moveaxis(result, axis, -1)
        result = np.moveaxis((moved[..., places] * weights).sum(-1), -1, axis)
    return result


@given(images, st.sampled_from([0.0, 0.5, 1.0, 2.3]))
def test_gaussian_is_the_weighted_mean_along_each_axis(v, mm):
    found = computed(gaussian, v, mm, spacing=SPACINGS[v.ndim])
    assert found.dtype == np.float32
    assert np.allclose(found, _smoothed(v, mm), rtol=1e-6, atol=1e-5)


@given(images)
def test_no_smoothing_is_the_image(v):
    assert np.array_equal(computed(gaussian, v, 0.0, spacing=SPACINGS[v.ndim]), v)


def test_axes_of_one_voxel_are_not_smoothed():
    v = np.arange(12, dtype=np.float32).reshape(1, 3, 4)
    flat = computed(gaussian, v[0], 1.0, spacing=(1.0, 0.7))
    assert np.array_equal(computed(gaussian, v, 1.0, spacing=(5.0, 1.0, 0.7))[0], flat)


@given(images, st.sampled_from([0.0, 0.8, 1.0, 1.5, 2.0]))
def test_median_filter_takes_the_voxels_within_mm_along_each_axis(v, mm):
    found = computed(median_filter, v, mm, spacing=SPACINGS[v.ndim])
    halves = [
        min(int(mm / step + 1e-3), size - 1)
        for step, size in zip(SPACINGS[v.ndim], v.shape, strict=True)
    ]
    padded = np.pad(v, [(half, half) for half in halves], mode="edge")
    for place in np.ndindex(v.shape):
        box = tuple(slice(p, p + 2 * half + 1) for p, half in zip(place, halves, strict=True))
        assert found[place] == np.median(padded[box])


def test_a_box_with_nan_has_no_median():
    v = np.array([[1, 2, np.nan, 4, 5, 6]], np.float32)
    found = computed(median_filter, v, 1.0)
    assert np.array_equal(np.isnan(found), [[False, True, True, True, False, False]])


@given(shapes.flatmap(masks))
def test_holes_are_what_no_path_over_faces_leads_out_of(b):
    outside = np.pad(
        ~b, [(0, 0) if size == 1 else (1, 1) for size in b.shape], constant_values=True
    )
    reached = np.zeros_like(outside)
    for axis, size in enumerate(b.shape):
        if size > 1:
            ends = np.moveaxis(reached, axis, 0)
            ends[0] = ends[-1] = True
    while True:
        grown = reached.copy()
        for axis, size in enumerate(b.shape):
            if size > 1:
                source, target = np.moveaxis(reached, axis, 0), np.moveaxis(grown, axis, 0)
                target[1:] |= source[:-1]
                target[:-1] |= source[1:]
        grown &= outside
        if np.array_equal(grown, reached):
            break
        reached = grown
    inner = tuple(slice(None) if size == 1 else slice(1, -1) for size in b.shape)
    expected = ~reached[inner] if b.size > 1 else b
    assert np.array_equal(computed(fill_holes, b), expected)


@pytest.mark.parametrize("mm", [-1.0, math.nan, math.inf])
@pytest.mark.parametrize("primitive", [gaussian, median_filter])
def test_sizes_that_are_none_are_refused(primitive, mm):
    with pytest.raises(UndefinedValueError, match="not negative"):
        computed(primitive, np.ones((3, 4), np.float32), mm)


def test_sizes_that_would_take_forever_are_refused():
    v = np.ones((40, 40, 40), np.float32)
    with pytest.raises(UndefinedValueError, match="at most 1000 voxels, not of 2000"):
        computed(gaussian, v, 2000.0)
    with pytest.raises(UndefinedValueError, match="at most 15625 voxels, not of 27×27×27"):
        computed(median_filter, v, 13.0)


def test_gaussian_is_scipys_but_for_the_last_bits_of_weights():
    v = np.random.default_rng(2).normal(size=(9, 12, 15)).astype(np.float32)
    sigmas = [1.3 / step for step in SPACINGS[3]]
    theirs = ndimage.gaussian_filter(v.astype(np.float64), sigmas, mode="nearest", truncate=4.0)
    found = computed(gaussian, v, 1.3, spacing=SPACINGS[3])
    assert np.allclose(found, theirs, rtol=2e-7, atol=1e-7)
    assert np.count_nonzero(found != theirs.astype(np.float32)) < 5
