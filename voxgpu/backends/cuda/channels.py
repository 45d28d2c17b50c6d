"""Channels, boxes and slices of images on a device, see ``kernels/channels.cu``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from voxgpu.backends.cuda.launch import THREADS, Array, Device, blocks_of
from voxgpu.backends.cuda.registry import implements
from voxgpu.image import Grid, to_3d
from voxgpu.primitives import color, region

#: Elements that are read as numbers; their order is that of ``number_at`` in the kernels.
ELEMENTS = (
    "uint8",
    "int8",
    "uint16",
    "int16",
    "uint32",
    "int32",
    "uint64",
    "int64",
    "float32",
    "float64",
)

#: Voxels of a thread.
LANES = 4


@implements(color.red, scratch=0, libraries=("channels",), number=0)
@implements(color.green, scratch=0, libraries=("channels",), number=1)
@implements(color.blue, scratch=0, libraries=("channels",), number=2)
@implements(color.alpha_of_color, scratch=0, libraries=("channels",), number=3)
def channel(colors: Array, number: int, device: Device) -> Array:
    """One channel of a color image as float32; 255 where colors have no such channel.

    colors  shape (z, y, x, channels) or (y, x, channels), of any element
    number  0 for red, 1 for green, 2 for blue, 3 for alpha
    """
    shape, channels = tuple(colors.shape[:-1]), int(colors.shape[-1])
    count = math.prod(shape)
    out = device.empty(shape, np.float32)
    _launch(
        device, "channels_channel", count, *_numbers(colors), np.int64(count), np.int32(channels),
        np.int32(number), out,
    )  # fmt: skip
    return out


@implements(color.intensity_of_color, scratch=0, libraries=("channels",))
def intensity(colors: Array, device: Device) -> Array:
    """The brightness of colors, as the primitive ``intensity`` defines it; float32.

    colors  shape (z, y, x, channels) or (y, x, channels), of any element
    """
    shape, channels = tuple(colors.shape[:-1]), int(colors.shape[-1])
    count = math.prod(shape)
    out = device.empty(shape, np.float32)
    _launch(
        device, "channels_intensity", count, *_numbers(colors), np.int64(count), np.int32(channels),
        out,
    )  # fmt: skip
    return out


@implements(color.rgb, scratch=0, libraries=("channels",))
@implements(color.rgba, scratch=0, libraries=("channels",))
def colors(*channels: Array, device: Device) -> Array:
    """The primitives ``rgb`` and ``rgba``."""
    return joined(channels, device)


def joined(images: Sequence[Array], device: Device) -> Array:
    """The colors, float32, with these three or four channels on their last axis.

    images  red, green, blue and perhaps alpha, of one shape and of any elements
    """
    shape, channels = tuple(images[0].shape), len(images)
    count = math.prod(shape)
    out = device.empty((*shape, channels), np.float32)
    # A kernel has a fixed number of arguments.
    sources = [*images, images[0]][:4]
    _launch(
        device, "channels_join", count * channels, *(each for s in sources for each in _numbers(s)),
        np.int64(count), np.int32(channels), out,
    )  # fmt: skip
    return out


@implements(region.extract, scratch=0, libraries=("channels",))
@implements(region.extract_truth, scratch=0, libraries=("channels",))
@implements(region.extract_colors, scratch=0, libraries=("channels",))
def extract(
    img: Array, size: Sequence[float], index: Sequence[float], grid: Grid, device: Device
) -> Array:
    """The primitive of that name; ``size`` and ``index`` are (x, y, z) or (x, y)."""
    start, shape = (tuple(map(int, reversed(each))) for each in (index, size))
    part = extracted(img, start, shape, device)
    return part.reshape(grid.shape + img.shape[len(shape) :])


def extracted(img: Array, start: Sequence[int], shape: Sequence[int], device: Device) -> Array:
    """The box of voxels of this shape that begins at the voxel ``start``; no axis is dropped.

    img           shape (z, y, x) or (y, x), with more axes (channels) or without, of any element
    start, shape  (z, y, x) or (y, x)
    """
    axes = len(shape)
    per_voxel = math.prod(img.shape[axes:]) * img.dtype.itemsize
    result = device.empty((*shape, *img.shape[axes:]), img.dtype)
    volume, box = (_in_bytes(each, per_voxel, 1) for each in (img.shape[:axes], shape))
    _copy_box(img, volume, _in_bytes(start, per_voxel, 0), box, result, device)
    return result


@implements(region.slice_volume, scratch=0, libraries=("channels",))
@implements(region.slice_volume_truth, scratch=0, libraries=("channels",))
def slice_volume(img: Array, axis: float, index: float, grid: Grid, device: Device) -> Array:
    """The primitive of that name; ``axis`` is 0 for x, and the result has no such axis."""
    return sliced(img, 2 - int(axis), int(index), device).reshape(grid.shape)


def sliced(img: Array, axis: int, index: int, device: Device) -> Array:
    """The slice ``index`` across an axis of the array (0 = z), which keeps it, one voxel long.

    img  shape (z, y, x), of any element
    """
    start = [index if each == axis else 0 for each in range(img.ndim)]
    shape = [1 if each == axis else size for each, size in enumerate(img.shape)]
    return extracted(img, start, shape, device)


def _copy_box(
    img: Array, volume: list[int], start: list[int], box: list[int], result: Array, device: Device
) -> None:
    """Copies a box to ``result``; axes are (z, y, x), the last one counted in bytes."""
    (_, height, width), (_, high, wide) = volume, box
    first = (start[0] * height + start[1]) * width + start[2]
    if wide == width:  # rows follow each other, so that they are parts of longer ones
        width, height, wide, high = width * height, 1, wide * high, 1
    unit = math.gcd(8, width, first, wide)
    source, target = (each.reshape(-1).view(f"uint{8 * unit}") for each in (img, result))
    total = result.nbytes // unit
    numbers = (first // unit, width // unit, height, total, wide // unit, high)
    device.launch(
        "channels", f"channels_box_{unit}", blocks_of(total), THREADS, source,
        *(np.int64(each) for each in numbers), target,
    )  # fmt: skip


def _in_bytes(numbers: Sequence[int], per_voxel: int, missing: int) -> list[int]:
    """(z, y, x) with ``missing`` for axes that are not there, the last one counted in bytes."""
    z, y, x = to_3d([int(each) for each in numbers], missing)
    return [z, y, x * per_voxel]


def _numbers(image: Array) -> tuple[Array, Any]:
    """The arguments that stand for an image of any element."""
    name = np.dtype(image.dtype).name
    element = ELEMENTS.index("uint8" if name == "bool" else name)
    return image.reshape(-1).view(np.uint8), np.int32(element)


def _launch(device: Device, name: str, count: int, *arguments: Any) -> None:
    device.launch("channels", name, blocks_of(-(-count // LANES)), THREADS, *arguments)
