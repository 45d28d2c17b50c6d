"""Histogram similarity compared with its definition, and the gradient with ITK."""

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from tests.primitives.images import masks, numbers, odd_numbers, spacings
from tests.primitives.reference import computed
from voxgpu.primitives.primitive import UndefinedValueError
from voxgpu.primitives.texture import cross_correlation, gradient

small = array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=5)
values = st.integers(-1, 6).map(float) | st.sampled_from([np.nan, np.inf, -np.inf, 0.1, 2.999])


def bin_of(v, low, high, bins):
    """The index of the bin, None outside."""
    if not low <= v < high:
        return None
    return min(math.floor((float(v) - low) / ((high - low) / bins)), bins - 1)


def histogram(voxels, low, high, bins):
    places = [bin_of(each, low, high, bins) for each in voxels]
    return [places.count(number) for number in range(bins)]


def pearson(h, w):
    """Correlation of two lists of integers, with exact sums."""
    mean_h, mean_w = Fraction(sum(h), len(h)), Fraction(sum(w), len(w))
    spread_h = sum((each - mean_h) ** 2 for each in h)
    spread_w = sum((each - mean_w) ** 2 for each in w)
    if not spread_h or not spread_w:
        return 1.0 if spread_h == spread_w else 0.0
    both = sum((a - mean_h) * (b - mean_w) for a, b in zip(h, w, strict=True))
    return float(both) / (math.sqrt(spread_h) * math.sqrt(spread_w))


def looked_up(r, a, b, fb, low, high, bins, spacing):
    """The definition, evaluated voxel by voxel."""
    wanted = histogram(b[fb], low, high, bins)
    halves = [max(1, round(r / step)) for step in spacing]
    result = np.zeros(a.shape, dtype=np.float32)
    for here in np.ndindex(a.shape):
        box = product(
            *(
                range(max(0, i - half), min(size, i + half + 1))
                for i, half, size in zip(here, halves, a.shape, strict=True)
            )
        )
        result[here] = pearson(histogram([a[there] for there in box], low, high, bins), wanted)
    return result


@st.composite
def textures(draw):
    shape = draw(small)
    images = [draw(numbers(shape, values)) for _ in "ab"]
    spacing = tuple(draw(spacings) for _ in shape)
    return (*images, draw(masks(shape)), spacing)


@settings(max_examples=40)
@given(textures(), st.sampled_from([0.0, 1.0, 1.25, 2.0, 50.0]), st.integers(1, 7))
def test_correlation_is_that_of_the_definition(images, r, bins):
    a, b, fb, spacing = images
    low, high = -0.5, 5.0
    result = computed(cross_correlation, r, a, b, fb, low, high, bins, spacing=spacing)
    assert result.dtype == np.float32
    expected = looked_up(r, a, b, fb, low, high, bins, spacing)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-6)
    constant = (expected == 1) | (expected == 0)
    assert np.array_equal(result[constant], expected[constant])


def test_slabs_do_not_show(monkeypatch):
    random = np.random.default_rng(1)
    a = random.integers(0, 9, (11, 6, 7)).astype(np.float32)
    arguments = (2.0, a, a, random.random(a.shape) < 0.5, 0.0, 9.0, 4)
    whole = computed(cross_correlation, *arguments)
    slope = computed(gradient, a)
    monkeypatch.setattr("voxgpu.primitives.texture.SLAB_VOXELS", 1)
    assert np.array_equal(computed(cross_correlation, *arguments), whole)
    assert np.array_equal(computed(gradient, a), slope)


def test_half_widths_are_rounded_to_even_and_at_least_one():
    a = np.zeros((1, 12), dtype=np.float32)
    a[0, 0] = 1
    everywhere = np.ones(a.shape, dtype=bool)

    def reach(r):
        like = computed(cross_correlation, r, a, a, everywhere, 0, 3, 3)
        return int((like[0] != like[0, -1]).sum()) - 1

    assert [reach(r) for r in (0.0, 0.4, 1.0, 1.5, 2.4, 2.5, 3.5)] == [1, 1, 1, 2, 2, 2, 4]


def test_a_window_larger_than_the_image_and_than_a_byte_counts():
    a = np.zeros((40, 40), dtype=np.float32)
    a[:13] = 1
    expected = np.float32(pearson([27 * 40, 13 * 40, 0], [0, 13 * 40, 0]))
    for r in (1000.0, math.inf):
        result = computed(cross_correlation, r, a, a, a > 0, 0, 3, 3)
        np.testing.assert_allclose(result, expected, rtol=0, atol=1e-7)


def test_what_rounding_pushes_over_the_last_bin_stays_in_it():
    above = math.nextafter(7.0, 8.0)
    assert 7.0 / (above / 3) == 3
    a = np.array([[7, 7, 7, 0]], dtype=np.float32)
    assert computed(cross_correlation, 1, a, a, a > 0, 0, above, 3)[0, 0] == 1


def test_constant_histograms():
    a = np.full((3, 3), 7, dtype=np.float32)
    everywhere, nowhere = np.ones(a.shape, dtype=bool), np.zeros(a.shape, dtype=bool)
    assert (computed(cross_correlation, 1, a, a, everywhere, 0, 5, 4) == 1).all()  # all dropped
    assert (computed(cross_correlation, 1, a, a, everywhere, 0, 9, 1) == 1).all()  # one bin
    assert (computed(cross_correlation, 1, a, a, nowhere, 0, 9, 4) == 0).all()
    assert (computed(cross_correlation, 1, a, a, everywhere, 0, 9, 4) == 1).all()


def test_the_upper_bound_falls_into_no_bin():
    a = np.array([[0, 0, 2, 2]], dtype=np.float32)
    zeros = a == 0
    result = computed(cross_correlation, 1, a, a, zeros, 0, 2, 2)
    assert result.tolist() == [[1, 1, 1, 0]]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"r": -1}, "radius"),
        ({"r": math.nan}, "radius"),
        ({"k": 0}, "whole number of bins"),
        ({"k": 2.5}, "whole number of bins"),
        ({"k": math.inf}, "whole number of bins"),
        ({"m": 9}, "9 is not less than 9"),
        ({"m": 10}, "10 is not less than 9"),
        ({"M": math.inf}, "finite"),
        ({"m": math.nan}, "finite"),
    ],
    ids=str,
)
def test_arguments_without_meaning(changed, message):
    v = np.zeros((2, 3), dtype=np.float32)
    given_arguments = {"r": 1, "a": v, "b": v, "fb": v > 0, "m": 0, "M": 9, "k": 4, **changed}
    with pytest.raises(UndefinedValueError, match=message):
        computed(cross_correlation, *given_arguments.values())
    (primitive,) = cross_correlation.overloads
    known = [None if isinstance(each, np.ndarray) else each for each in given_arguments.values()]
    assert message in primitive.check(*known)
    assert primitive.check(*[None] * 7) is None
    assert primitive.check(1.0, None, None, None, None, 9.0, 4.0) is None


@st.composite
def slopes(draw):
    image = draw(numbers(elements=odd_numbers))
    return image, tuple(draw(spacings) for _ in image.shape)


@given(slopes())
def test_the_gradient_is_that_of_itk(image):
    v, spacing = image
    itk = sitk.GetImageFromArray(v)
    itk.SetSpacing(spacing[::-1])
    expected = sitk.GetArrayFromImage(sitk.GradientMagnitude(itk))
    result = computed(gradient, v, spacing=spacing)
    assert result.dtype == np.float32
    assert np.array_equal(result, expected, equal_nan=True)


def test_the_gradient_counts_millimeters():
    ramp = np.tile(np.arange(5, dtype=np.float32) * 6, (4, 1))
    result = computed(gradient, ramp, spacing=(1.0, 2.0))
    assert result[0].tolist() == [1.5, 3, 3, 3, 1.5]
