"""Which primitives have kernels of their own on the CPU, and what do those take?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from voxgpu.backends.cpu import (
    components,
    dilation,
    distance,
    gradient,
    local_histogram,
    otsu,
    percentiles,
)
from voxgpu.backends.thread_pool import ThreadPool
from voxgpu.image import Grid
from voxgpu.primitives import components as component_primitives
from voxgpu.primitives import distance as distances
from voxgpu.primitives import intensity_ranks, internal, morphology, ranked, texture
from voxgpu.primitives.primitive import Primitive

#: From plain arguments (arrays for images, in the file's element type) to an array or a number.
Function = Callable[[list[Any], Grid | None, ThreadPool], Any]


@dataclass(frozen=True, slots=True)
class Call:
    """How a primitive is computed.

    scratch  bytes per voxel besides inputs and result, in steady state
    """

    function: Function
    scratch: int


@cache
def calls() -> Mapping[Primitive, Call]:
    """By primitive; what is not here is computed as the reference does."""
    found: list[tuple[Any, Call]] = [
        (component_primitives.through, Call(_mask_function(components.through), 7)),
        (component_primitives.labels, Call(_mask_function(components.labels), 9)),
        (
            component_primitives.largest_component,
            Call(_mask_function(components.largest_component), 13),
        ),
        (ranked.component_count, Call(_mask_function(components.component_count), 7)),
        (ranked.ranked_components, Call(_mask_function(components.ranked_components), 13)),
        (internal.components_touching, Call(_touching, 8)),
        (morphology.near, Call(lambda a, _, workers: dilation.near(a[0], 1, workers), 1)),
        (morphology.interior, Call(lambda a, _, workers: dilation.interior(a[0], 1, workers), 1)),
        (internal.box_dilate, Call(lambda a, _, w: dilation.near(a[0], int(a[1]), w), 3)),
        (internal.box_erode, Call(lambda a, _, w: dilation.interior(a[0], int(a[1]), w), 3)),
        (intensity_ranks.percentiles, Call(_mask_function(percentiles.percentiles), 16)),
        (distances.signed_distance, Call(_on_grid(distance.signed_distance), 16)),
        (distances.distance, Call(_on_grid(distance.distance), 4)),
        (texture.gradient, Call(_on_grid(gradient.gradient), 4)),
        (intensity_ranks.otsu, Call(_mask_function(otsu.otsu), 1)),
        (texture.cross_correlation, Call(_cross_correlation, 4)),
        (internal.distance_compare, Call(_compared_distance, 11)),
    ]
    return {each: call for definition, call in found for each in definition.overloads}


def _mask_function(function: Callable[..., Any]) -> Function:
    """A function of masks and workers alone."""

    def call(arguments: list[Any], _: Grid | None, workers: ThreadPool) -> Any:
        return function(*arguments, workers)

    return call


def _on_grid(function: Callable[..., Any]) -> Function:
    """A function that wants to know the grid, too."""

    def call(arguments: list[Any], grid: Grid | None, workers: ThreadPool) -> Any:
        assert grid is not None
        return function(*arguments, grid, workers)

    return call


def _cross_correlation(arguments: list[Any], grid: Grid | None, workers: ThreadPool) -> Any:
    assert grid is not None
    return local_histogram.cross_correlation(arguments, grid, workers)


def _touching(arguments: list[Any], _: Grid | None, workers: ThreadPool) -> Any:
    a, b = arguments
    return components.through(dilation.near(a, 1, workers), b, workers)


def _compared_distance(arguments: list[Any], grid: Grid | None, workers: ThreadPool) -> Any:
    assert grid is not None
    b, r, kind, operator, of = arguments
    b = b if of == "region" else np.logical_not(b)
    result = dilation.distance_compare(b, r, kind, operator, grid, workers)
    if result is not None:
        return result
    exact = distance.signed_distance if kind == "dt" else distance.distance
    return internal.compare(operator, exact(b, grid, workers), r)
