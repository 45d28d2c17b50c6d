"""Channels of colors, and their brightness.

Channels are used as float32. Colors have 3 channels (red, green, blue) or 4 (and alpha, from 0 for
transparent to 255 for opaque), on the last axis of their array.
"""

from __future__ import annotations

import numpy as np

from voxgpu.codegen.scalar import constant
from voxgpu.primitives.define import (
    ColorImage,
    NumberImage,
    Voxel,
    kept_whole,
    voxelwise,
    whole_image,
)

#: Alpha of images without an alpha channel.
OPAQUE = 255.0

#: Weights of red, green and blue in brightness (ITU-R BT.709).
SHARES = (np.float32(0.2126), np.float32(0.7152), np.float32(0.0722))


@voxelwise("intensity", version=2, element_from=kept_whole)
def intensity(v: Voxel) -> Voxel:
    """The image itself, as float32 unless its voxels are integers of 32 or 64 bits.

    >>> intensity([1, 2])
    [1, 2]
    """
    return v


@whole_image("intensity", scratch=12, id="intensity_of_color")
def intensity_of_color(colors: ColorImage) -> NumberImage:
    """The brightness of a color: 0.2126 R + 0.7152 G + 0.0722 B (ITU-R BT.709); alpha is ignored.

    Computed in float32, weights included, from the left: (0.2126 R + 0.7152 G) + 0.0722 B. Shape
    (z, y, x) or (y, x).

    >>> intensity([(255, 0, 0), (255, 255, 255), (0, 0, 0)])
    [54.21299743652344, 255, 0]
    """
    result: NumberImage = SHARES[0] * colors[..., 0].astype(np.float32)
    for channel in (1, 2):
        result += SHARES[channel] * colors[..., channel].astype(np.float32)
    return result


@whole_image(scratch=0, id="red")
def red(colors: ColorImage) -> NumberImage:
    """The red channel, as float32.

    >>> red([(1, 2, 3), (4, 5, 6)])
    [1, 4]
    """
    return colors[..., 0].astype(np.float32)


@whole_image(scratch=0, id="green")
def green(colors: ColorImage) -> NumberImage:
    """The green channel, as float32.

    >>> green([(1, 2, 3), (4, 5, 6)])
    [2, 5]
    """
    return colors[..., 1].astype(np.float32)


@whole_image(scratch=0, id="blue")
def blue(colors: ColorImage) -> NumberImage:
    """The blue channel, as float32.

    >>> blue([(1, 2, 3), (4, 5, 6)])
    [3, 6]
    """
    return colors[..., 2].astype(np.float32)


@whole_image("alpha", scratch=0, id="alpha_of_color")
def alpha_of_color(colors: ColorImage) -> NumberImage:
    """The alpha channel, as float32; 255 everywhere if colors have three channels.

    >>> alpha([(1, 2, 3, 128)])
    [128]
    >>> alpha([(1, 2, 3)])
    [255]
    """
    if colors.shape[-1] < 4:
        return np.full(colors.shape[:-1], OPAQUE, dtype=np.float32)
    return colors[..., 3].astype(np.float32)


@voxelwise("alpha")
def alpha(_: Voxel) -> Voxel:
    """255 everywhere: an image of numbers is opaque.

    >>> alpha([1, 2])
    [255, 255]
    """
    return constant(OPAQUE)


@whole_image(element="float32", channels=3, scratch=0, id="rgb")
def rgb(r: NumberImage, g: NumberImage, b: NumberImage) -> ColorImage:
    """The colors with these channels: three, float32, on the last axis.

    >>> rgb([1, 2], [3, 4], [5, 6])
    [[1, 3, 5], [2, 4, 6]]
    """
    return np.stack((r, g, b), axis=-1)


@whole_image(element="float32", channels=4, scratch=0, id="rgba")
def rgba(r: NumberImage, g: NumberImage, b: NumberImage, a: NumberImage) -> ColorImage:
    """The colors with these channels: four, float32, on the last axis.

    >>> rgba([1, 2], [3, 4], [5, 6], [7, 8])
    [[1, 3, 5, 7], [2, 4, 6, 8]]
    """
    return np.stack((r, g, b, a), axis=-1)
