"""Ranks compared with their definition, and Otsu's threshold with ITK's."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from tests.primitives.images import masks, numbers, odd_numbers, shapes, ties
from tests.primitives.reference import computed
from voxgpu.primitives.intensity_ranks import otsu, percentiles
from voxgpu.primitives.otsu_reference import otsu_threshold
from voxgpu.primitives.primitive import UndefinedValueError

masked = shapes.flatmap(
    lambda shape: st.tuples(numbers(shape, odd_numbers | ties), masks(shape)),
)


def counted(v, mask, c):
    """(L + c·E) / N for every voxel of the mask, by comparing it with all others."""
    population = [float(each) for each in v[mask]]
    result = np.full(v.shape, -1, dtype=np.float32)
    for here in zip(*np.nonzero(mask), strict=True):
        less = sum(each < v[here] for each in population)
        equal = sum(each == v[here] for each in population)
        result[here] = (less + c * equal) / len(population)
    return result


@given(masked, st.sampled_from([0.0, 0.5, 1.0, 0.3]))
def test_percentiles_count_what_is_less_and_equal(image, c):
    v, mask = image
    result = computed(percentiles, v, mask, c)
    assert result.dtype == np.float32
    assert np.array_equal(result.view(np.int32), counted(v, mask, c).view(np.int32))


def test_percentiles_leave_their_inputs_alone():
    v, mask = np.array([[3, 1, 2]], dtype=np.float32), np.ones((1, 3), dtype=bool)
    computed(percentiles, v, mask, 0.5)
    assert v.tolist() == [[3, 1, 2]]


def test_percentiles_of_nothing_are_minus_one():
    v = np.ones((2, 3), dtype=np.float32)
    assert (computed(percentiles, v, v > 1, 0.5) == -1).all()


def test_percentiles_of_nan_only_are_zero():
    v = np.full((2, 3), np.nan, dtype=np.float32)
    assert (computed(percentiles, v, np.ones((2, 3), dtype=bool), 0.5) == 0).all()


def test_percentiles_are_rounded_once():
    v = np.arange(3 * 7 * 11, dtype=np.float32).reshape(3, 7, 11)
    everywhere = np.ones(v.shape, dtype=bool)
    expected = ((np.arange(v.size) + 0.5) / v.size).astype(np.float32).reshape(v.shape)
    assert np.array_equal(computed(percentiles, v, everywhere, 0.5), expected)


def otsu_of_itk(v, mask, bins):
    """ITK's threshold, and the bright class according to ITK."""
    itk = sitk.OtsuThresholdImageFilter()
    itk.SetMaskValue(1)
    itk.SetMaskOutput(True)
    itk.SetReturnBinMidpoint(False)
    itk.SetNumberOfHistogramBins(bins)
    itk.SetInsideValue(0)
    itk.SetOutsideValue(1)
    mask_image = sitk.GetImageFromArray(mask.astype(np.uint8))
    bright = itk.Execute(sitk.GetImageFromArray(v), mask_image)
    return itk.GetThreshold(), sitk.GetArrayFromImage(bright) > 0


def two_classes(random, shape):
    dark, bright = random.normal(10, 2, shape), random.normal(50, 8, shape)
    return np.where(random.random(shape) < 0.4, dark, bright)


IMAGES = {
    "integers": lambda random, shape: random.integers(0, 1000, shape),
    "bytes": lambda random, shape: random.integers(0, 256, shape),
    "fractions": lambda random, shape: random.random(shape),
    "constant": lambda random, shape: np.full(shape, random.normal() * 10),
    "few values": lambda random, shape: random.choice([0, 1, 5.5, 100], shape),
    "negative": lambda random, shape: random.normal(-100, 30, shape),
    "tiny": lambda random, shape: random.random(shape) * 1e-9,
    "denormal": lambda random, shape: random.integers(0, 40, shape) * 1.4e-45,
    "huge": lambda random, shape: random.normal(size=shape) * 1e36,
    "far from 0": lambda random, shape: 1e8 + 8 * random.integers(0, 4, shape),
    "two classes": two_classes,
}


@pytest.mark.parametrize("shape", [(1, 1, 1), (6, 7), (2, 1, 7), (8, 9, 10), (20, 20, 20)], ids=str)
@pytest.mark.parametrize("kind", IMAGES)
def test_otsu_is_that_of_itk(kind, shape):
    random = np.random.default_rng(len(kind) + sum(shape))
    for bins in (2, 3, 7, 16, 100, 128, 255, 256):
        for share in (0.1, 0.5, 1.0):
            v = IMAGES[kind](random, shape).astype(np.float32)
            mask = random.random(shape) < share
            mask.flat[random.integers(mask.size)] = True
            threshold, bright = otsu_of_itk(v, mask, bins)
            assert float(otsu_threshold(v[mask], bins)) == threshold
            assert np.array_equal(computed(otsu, v, mask, bins), bright)


def test_otsu_of_equal_splits_takes_the_first():
    v = np.array([[0, 0, 10, 10]], dtype=np.float32)
    mask = np.ones(v.shape, dtype=bool)
    assert otsu_threshold(v.ravel(), 10) == np.float32(otsu_of_itk(v, mask, 10)[0])
    assert otsu_threshold(v.ravel(), 10) < 2


def test_otsu_leaves_out_what_is_not_finite():
    v = np.array([[0, 1, 9, 10, np.nan, np.inf, -np.inf]], dtype=np.float32)
    mask = np.ones(v.shape, dtype=bool)
    assert computed(otsu, v, mask, 8).tolist() == [[False] * 2 + [True] * 2 + [False, True, False]]


@pytest.mark.parametrize("inside", [[], [np.nan, np.inf]])
def test_otsu_of_nothing_is_a_problem(inside):
    v = np.array([[1, 2, *inside]], dtype=np.float32)
    mask = np.array([[False, False] + [True] * len(inside)])
    with pytest.raises(UndefinedValueError, match="no voxel in `mask` has a finite value"):
        computed(otsu, v, mask, 8)


def test_otsu_of_too_wide_a_range_is_a_problem():
    v = np.array([[-3e38, 3e38]], dtype=np.float32)
    with pytest.raises(UndefinedValueError, match="more than float32 holds"):
        computed(otsu, v, v < np.inf, 8)


@pytest.mark.parametrize("bins", [1, 0, -3, 2.5, np.nan, np.inf])
def test_otsu_needs_whole_bins(bins):
    v = np.ones((1, 3), dtype=np.float32)
    with pytest.raises(
        UndefinedValueError, match="`bins` of `otsu` must be a whole number of at least 2"
    ):
        computed(otsu, v, v > 0, bins)
    (primitive,) = otsu.overloads
    assert "whole number" in primitive.check(None, None, bins)
    assert primitive.check(None, None, None) is None
    assert primitive.check(None, None, 2) is None
