"""Channels of colors: extraction, combination and brightness."""

import numpy as np
import pytest

from tests.primitives.reference import computed
from voxgpu.primitives import color


def some_colors(channels, element):
    return np.random.default_rng(7).integers(0, 256, (3, 4, channels)).astype(element)


@pytest.mark.parametrize("element", [np.uint8, np.int16, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [3, 4])
def test_channels_are_float32(channels, element):
    colors = some_colors(channels, element)
    for number, definition in enumerate((color.red, color.green, color.blue)):
        channel = computed(definition, colors)
        assert channel.dtype == np.float32
        assert np.array_equal(channel, colors[..., number])


def test_alpha_is_opaque_where_there_is_none():
    assert (computed(color.alpha_of_color, some_colors(3, np.uint8)) == 255).all()
    four = some_colors(4, np.uint8)
    assert np.array_equal(computed(color.alpha_of_color, four), four[..., 3])
    grey = computed(color.alpha, np.zeros((2, 3), dtype=np.float32))
    assert grey.dtype == np.float32
    assert grey.tolist() == [[255] * 3] * 2


@pytest.mark.parametrize("channels", [3, 4])
def test_taking_apart_and_putting_together(channels):
    colors = some_colors(channels, np.float32)
    parts = [np.ascontiguousarray(colors[..., channel]) for channel in range(channels)]
    made = computed(color.rgb if channels == 3 else color.rgba, *parts)
    assert made.dtype == np.float32
    assert np.array_equal(made, colors)


def test_intensity_is_weighed_in_float32_from_the_left():
    colors = some_colors(4, np.uint8)
    shares = [np.float32(share) for share in (0.2126, 0.7152, 0.0722)]
    expected = np.zeros(colors.shape[:-1], dtype=np.float32)
    for here in np.ndindex(expected.shape):
        red, green, blue = (np.float32(part) for part in colors[here][:3])
        first = np.float32(shares[0] * red + shares[1] * green)
        expected[here] = np.float32(first + shares[2] * blue)
    result = computed(color.intensity_of_color, colors)
    assert np.array_equal(result.view(np.int32), expected.view(np.int32))


def test_intensity_of_numbers_is_the_image():
    v = np.array([[1.5, np.nan, -0.0]], dtype=np.float32)
    assert np.array_equal(computed(color.intensity, v).view(np.int32), v.view(np.int32))
