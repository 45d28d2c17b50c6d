"""Distances compared with an exhaustive search over all pairs of voxels."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from scipy.ndimage import binary_erosion, distance_transform_edt

from tests.primitives.images import masks, masks_with_spacing
from tests.primitives.reference import computed
from voxgpu.primitives import distance as distances
from voxgpu.primitives.distance import distance, signed_distance


def nearest(targets, spacing):
    """The distance in mm from every voxel to the nearest target, by all pairs."""
    places = np.argwhere(targets)
    result = np.full(targets.shape, np.inf, dtype=np.float32)
    for here in np.ndindex(targets.shape):
        squares = ((places - here) * np.array(spacing)) ** 2
        if len(places):
            in_order = squares[:, 0]
            for axis in range(1, targets.ndim):
                in_order = in_order + squares[:, axis]
            result[here] = np.sqrt(in_order.min())
    return result


def contour(b):
    return b & ~binary_erosion(b, np.ones((3,) * b.ndim), border_value=1)


def bits(array):
    return array.view(np.int32)


@given(masks_with_spacing())
def test_distances_are_the_least_of_all(given_mask):
    b, spacing = given_mask
    outside, inside = nearest(b, spacing), nearest(contour(b), spacing)
    expected = np.where(b, -inside, outside)
    result = computed(signed_distance, b, spacing=spacing)
    assert result.dtype == np.float32
    assert np.array_equal(bits(result), bits(expected))


@given(masks_with_spacing())
def test_the_positive_part_is_the_distance_clamped_at_zero(given_mask):
    b, spacing = given_mask
    signed = computed(signed_distance, b, spacing=spacing)
    clamped = np.where(b, np.float32(0), signed)
    assert np.array_equal(
        bits(computed(distance, b, spacing=spacing)), bits(np.maximum(clamped, np.float32(0)))
    )


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (3.3, 0.7, 0.9375)])
@pytest.mark.parametrize("density", [1e-4, 0.01, 0.5, 0.999])
def test_larger_images_agree_with_scipy(density, spacing):
    b = np.random.default_rng(3).random((40, 61, 37)) < density
    expected = distance_transform_edt(~b, sampling=spacing).astype(np.float32)
    result = computed(distance, b, spacing=spacing)
    np.testing.assert_array_max_ulp(result, expected, maxulp=1)


@given(masks())
def test_signs_and_contour_are_those_of_itk(b):
    if b.all() or not b.any():
        return  # ITK returns ±1.84e19
    image = sitk.GetImageFromArray(b.astype(np.uint8))
    itk = sitk.SignedMaurerDistanceMap(image, False, False, True)
    np.testing.assert_allclose(
        computed(signed_distance, b), sitk.GetArrayFromImage(itk), rtol=1e-6, atol=1e-6
    )


def test_empty_is_infinitely_far_and_full_infinitely_deep():
    empty, full = np.zeros((3, 4), dtype=bool), np.ones((3, 4, 5), dtype=bool)
    assert (computed(signed_distance, empty) == np.inf).all()
    assert (computed(distance, empty) == np.inf).all()
    assert (computed(signed_distance, full) == -np.inf).all()
    assert (bits(computed(distance, full)) == 0).all()


def test_the_contour_is_minus_zero_and_the_frame_is_none():
    b = np.zeros((3, 5), dtype=bool)
    b[:, :3] = True
    row = computed(signed_distance, b)[0]
    assert row.tolist() == [-2, -1, 0, 1, 2]
    assert np.signbit(row).tolist() == [True, True, True, False, False]
    assert not np.signbit(computed(distance, b)).any()


def test_a_hole_seen_over_the_corner_only_makes_a_contour():
    b = np.ones((3, 3), dtype=bool)
    b[0, 0] = False
    result = computed(signed_distance, b)
    assert result[1, 1] == 0
    assert result[2, 2] == -np.float32(np.sqrt(2))


def test_far_voxels_in_a_thin_image():
    b = np.zeros((1, 1, 300), dtype=bool)
    b[..., 0] = True
    result = computed(distance, b, spacing=(1.0, 1.0, 0.1))
    expected = np.sqrt(np.square(np.arange(300) * 0.1)).astype(np.float32)
    assert np.array_equal(result[0, 0], expected)


def test_squares_are_products():
    """C's pow rounds a few of them differently, e.g. 19 · 1.2 mm; kernels multiply."""
    step = float(np.float32(1.2))
    region = np.where(np.arange(200) == 0, 0.0, np.inf)[:, None]
    squares = distances._least_along_first_axis(region, step)[:, 0]
    assert squares.tolist() == [(n * step) * (n * step) for n in range(200)]


@given(masks_with_spacing())
def test_the_signed_distance_where_it_is_positive_is_the_unsigned_one(given_mask):
    """The optimizer replaces the one by the other."""
    b, spacing = given_mask
    for each in (b, np.zeros_like(b), np.ones_like(b)):
        signed = computed(signed_distance, each, spacing=spacing)
        unsigned = computed(distance, each, spacing=spacing)
        for where in (signed > 0, ~each):
            clamped = np.where(where, signed, np.float32(0))
            assert (bits(clamped) == bits(unsigned)).all()
