"""Which primitives have kernels of their own on a GPU, and what do those take?

What is not here, and is no generated kernel either, is computed by the reference on the host:
SimpleITK's filters, ``n4``, ``resample``, and distances between surfaces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import Any

import numpy as np

from voxgpu.backends.cuda import (
    channels,
    comparing,
    components,
    dilation,
    distance,
    gradient,
    local_histogram,
    otsu,
    percentiles,
    small_kernels,
)
from voxgpu.backends.cuda.device import CudaDevice
from voxgpu.backends.cuda.launch import Array
from voxgpu.image import Grid
from voxgpu.primitives import (
    color,
    intensity_ranks,
    internal,
    morphology,
    overlap,
    ranked,
    region,
    texture,
)
from voxgpu.primitives import components as component_primitives
from voxgpu.primitives import distance as distances
from voxgpu.primitives.primitive import Primitive, UndefinedValueError, Value, ValueWithWarning


@dataclass(frozen=True, slots=True)
class Images:
    """An image.

    check    numbers that tell whether there is one, float64 on the device; None: there is
    problem  from these numbers to what is wrong, None where nothing is
    """

    array: Array
    check: Array | None = None
    problem: Callable[[Any], UndefinedValueError | None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Numbers:
    """A number that is made of those in an array, float64 on the device.

    place  which of them it is, as kernels read it; None: it is made of them on the host
    """

    array: Array
    finish: Callable[[Any], Value | ValueWithWarning]
    place: int | None = None


#: From arguments (arrays on the device for images) and the grid of the result, or of the first
#: image where that is none.
Function = Callable[[list[Any], Grid, CudaDevice], Images | Numbers]


@dataclass(frozen=True, slots=True)
class Call:
    """How a primitive is computed.

    scratch        bytes per voxel besides inputs and result
    libraries      the files of kernels it launches from
    takes_numbers  whether numbers may be given as places on the device
    """

    function: Function
    scratch: int
    libraries: tuple[str, ...] = ()
    takes_numbers: bool = False


@cache
def calls() -> Mapping[Primitive, Call]:
    """By primitive."""
    found: list[tuple[Any, Call]] = [
        *_of_components(),
        *_of_neighborhoods(),
        *_of_statistics(),
        *_of_layout(),
        *_of_overlap(),
    ]
    return {each: call for definition, call in found for each in definition.overloads}


def _of_components() -> list[tuple[Any, Call]]:
    stem = ("components",)
    return [
        (component_primitives.through, Call(_image(components.through), 4, stem)),
        (internal.components_touching, Call(_image(components.touching), 4, stem)),
        (component_primitives.labels, Call(_image(components.labels), 5, stem)),
        (
            component_primitives.largest_component,
            Call(_image(components.largest_component), 8, stem),
        ),
        (ranked.ranked_components, Call(_image(components.ranked_components), 16, stem)),
        (ranked.component_count, Call(_component_count, 4, stem)),
    ]


def _of_neighborhoods() -> list[tuple[Any, Call]]:
    return [
        (morphology.near, Call(_box(dilation.near, 1), 1, ("dilation",))),
        (morphology.interior, Call(_box(dilation.interior, 1), 1, ("dilation",))),
        (internal.box_dilate, Call(_box(dilation.near), 2, ("dilation",))),
        (internal.box_erode, Call(_box(dilation.interior), 2, ("dilation",))),
        (internal.distance_compare, Call(_compared_distance, 10, ("dilation",))),
        (distances.signed_distance, Call(_on_grid(distance.signed_distance), 10, ("distance",))),
        (distances.distance, Call(_on_grid(distance.distance), 10, ("distance",))),
        (texture.gradient, Call(_on_grid(gradient.gradient), 0, ("gradient",))),
    ]


def _of_statistics() -> list[tuple[Any, Call]]:
    return [
        (intensity_ranks.percentiles, Call(_image(percentiles.percentiles), 24, ("percentiles",))),
        (internal.percentile_compare, Call(_compared_percentile, 24, ("percentiles",))),
        (intensity_ranks.otsu, Call(_otsu, 4, ("otsu", "percentiles"))),
        (
            texture.cross_correlation,
            Call(_cross_correlation, 4, ("local_histogram",), takes_numbers=True),
        ),
    ]


def _of_layout() -> list[tuple[Any, Call]]:
    stem = ("channels",)
    numbers = {color.red: 0, color.green: 1, color.blue: 2, color.alpha_of_color: 3}
    found: list[tuple[Any, Call]] = [
        (definition, Call(_channel(number), 0, stem)) for definition, number in numbers.items()
    ]
    found += [
        (color.intensity_of_color, Call(_image(channels.intensity), 0, stem)),
        (color.rgb, Call(_joined, 0, stem)),
        (color.rgba, Call(_joined, 0, stem)),
        (region.extract, Call(_extracted, 0, stem)),
        (region.extract_truth, Call(_extracted, 0, stem)),
        (region.extract_colors, Call(_extracted, 0, stem)),
        (region.slice_volume, Call(_sliced, 0, stem)),
        (region.slice_volume_truth, Call(_sliced, 0, stem)),
    ]
    return found


def _of_overlap() -> list[tuple[Any, Call]]:
    found: list[tuple[Any, Call]] = [
        (definition, Call(_overlap(meaning), 0)) for definition, meaning in overlap.MEASURES
    ]
    return [*found, (overlap.volume_in_mm, Call(_volume_in_mm, 0))]


def _image(function: Callable[..., Array]) -> Function:
    """A function of the arguments alone."""
    return lambda arguments, _, device: Images(function(*arguments, device))


def _on_grid(function: Callable[..., Array]) -> Function:
    """A function that wants to know the grid, too."""
    return lambda arguments, grid, device: Images(function(*arguments, grid, device))


def _box(function: Callable[..., Array], radius: int | None = None) -> Function:
    """A box whose half-width is fixed, or the second argument."""

    def call(arguments: list[Any], _: Grid, device: CudaDevice) -> Images:
        half = int(arguments[1]) if radius is None else radius
        return Images(function(arguments[0], half, device))

    return call


def _component_count(arguments: list[Any], _: Grid, device: CudaDevice) -> Numbers:
    found = components.component_count(arguments[0], device)
    return Numbers(found, lambda numbers: float(numbers[0]), 0)


def _compared_distance(arguments: list[Any], grid: Grid, device: CudaDevice) -> Images:
    b, r, kind, operator, of = arguments
    inverted = of == "complement"
    result = dilation.distance_compare(b, r, kind, operator, grid, device, inverted)
    if result is not None:
        return Images(result)
    if inverted:
        b = comparing.negated(b, grid, device)
    exact = distance.signed_distance if kind == "dt" else distance.distance
    return Images(comparing.compared(exact(b, grid, device), operator, r, grid, device))


def _compared_percentile(arguments: list[Any], _: Grid, device: CudaDevice) -> Images:
    v, mask, c, number, operator = arguments
    return Images(percentiles.compared_percentiles(v, mask, c, [(operator, number)], device)[0])


def _otsu(arguments: list[Any], _: Grid, device: CudaDevice) -> Images:
    problem = intensity_ranks.bins_problem(*arguments)
    if problem:
        raise UndefinedValueError(problem)
    v, mask, bins = arguments
    array, numbers = otsu.otsu(v, mask, bins, device)
    return Images(array, numbers, otsu.problem)


def _cross_correlation(arguments: list[Any], grid: Grid, device: CudaDevice) -> Images:
    r, a, b, fb, low, high, bins = arguments
    r, bins = (small_kernels.to_host(each, device) for each in (r, bins))
    known = [each if isinstance(each, float) else None for each in (low, high)]
    problem = texture.histogram_problem(r, None, None, None, *known, bins)
    if problem:
        raise UndefinedValueError(problem)
    if bins > local_histogram.MOST_BINS:
        return _correlated_on_host(arguments, grid, device)
    array = local_histogram.cross_correlation(r, a, b, fb, low, high, int(bins), grid, device)
    if None not in known:
        return Images(array)
    bounds = small_kernels.stack_scalars((low, high), device)
    return Images(array, bounds, lambda found: _bounds_problem(*map(float, found)))


def _correlated_on_host(arguments: list[Any], grid: Grid, device: CudaDevice) -> Images:
    """By the reference, which knows no bound on bins; nobody has that many in earnest."""
    numbers = [small_kernels.to_host(arguments[place], device) for place in (0, 4, 5, 6)]
    problem = texture.histogram_problem(numbers[0], None, None, None, *numbers[1:])
    if problem:
        raise UndefinedValueError(problem)
    a, b, fb = (device.download(each, device.record_event()) for each in arguments[1:4])
    plain = (a.astype(np.float32), b.astype(np.float32), fb)
    found = texture.cross_correlation.function(numbers[0], *plain, *numbers[1:], grid)
    array, event = device.upload(found)
    device.wait_for(event)
    return Images(array)


def _bounds_problem(low: float, high: float) -> UndefinedValueError | None:
    problem = texture.histogram_problem(None, None, None, None, low, high, None)
    return UndefinedValueError(problem) if problem else None


def _channel(number: int) -> Function:
    return lambda arguments, _, device: Images(channels.channel(arguments[0], number, device))


def _joined(arguments: list[Any], _: Grid, device: CudaDevice) -> Images:
    return Images(channels.joined(arguments, device))


def _extracted(arguments: list[Any], grid: Grid, device: CudaDevice) -> Images:
    img, size, index = arguments
    start, shape = (tuple(map(int, reversed(each))) for each in (index, size))
    part = channels.extracted(img, start, shape, device)
    return Images(part.reshape(grid.shape + img.shape[len(shape) :]))


def _sliced(arguments: list[Any], grid: Grid, device: CudaDevice) -> Images:
    img, axis, index = arguments
    return Images(channels.sliced(img, 2 - int(axis), int(index), device).reshape(grid.shape))


def _overlap(meaning: Callable[[overlap.Counts], float]) -> Function:
    def call(arguments: list[Any], grid: Grid, device: CudaDevice) -> Numbers:
        a, b = arguments
        found = small_kernels.counts_of_two(a, b, grid, device)
        return Numbers(
            found,
            lambda n: meaning(overlap.Counts(int(n[0]), int(n[1]), int(n[2]), grid.voxels)),
        )

    return call


def _volume_in_mm(arguments: list[Any], grid: Grid, device: CudaDevice) -> Numbers:
    found = small_kernels.count_of(arguments[0], grid, device)
    return Numbers(found, lambda numbers: float(numbers[0]) * prod(grid.spacing))
