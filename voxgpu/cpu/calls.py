"""Which primitives have kernels of their own on the CPU, and what do those take?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from voxgpu.cpu import ball, components, correlation, euclidean, otsu, percentile, slope
from voxgpu.cpu.workers import Workers
from voxgpu.image import Grid
from voxgpu.primitives import components as component_primitives
from voxgpu.primitives import distance as distances
from voxgpu.primitives import morphology, ranked, rewritten, statistics, texture
from voxgpu.primitives.primitive import Primitive

#: From plain arguments (arrays for images, in the file's element type) to an array or a number.
Function = Callable[[list[Any], Grid | None, Workers], Any]


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
        (rewritten.touching, Call(_touching, 8)),
        (morphology.near, Call(lambda a, _, workers: ball.near(a[0], 1, workers), 1)),
        (morphology.interior, Call(lambda a, _, workers: ball.interior(a[0], 1, workers), 1)),
        (rewritten.any_in_box, Call(lambda a, _, w: ball.near(a[0], int(a[1]), w), 3)),
        (rewritten.all_in_box, Call(lambda a, _, w: ball.interior(a[0], int(a[1]), w), 3)),
        (statistics.percentiles, Call(_mask_function(percentile.percentiles), 16)),
        (distances.signed_distance, Call(_on_grid(euclidean.signed_distance), 16)),
        (distances.distance, Call(_on_grid(euclidean.distance), 4)),
        (texture.gradient, Call(_on_grid(slope.gradient), 4)),
        (statistics.otsu, Call(_mask_function(otsu.otsu), 1)),
        (texture.cross_correlation, Call(_cross_correlation, 4)),
        (rewritten.compared_distance, Call(_compared_distance, 11)),
    ]
    return {each: call for definition, call in found for each in definition.overloads}


def _mask_function(function: Callable[..., Any]) -> Function:
    """A function of masks and workers alone."""

    def call(arguments: list[Any], _: Grid | None, workers: Workers) -> Any:
        return function(*arguments, workers)

    return call


def _on_grid(function: Callable[..., Any]) -> Function:
    """A function that wants to know the grid, too."""

    def call(arguments: list[Any], grid: Grid | None, workers: Workers) -> Any:
        assert grid is not None
        return function(*arguments, grid, workers)

    return call


def _cross_correlation(arguments: list[Any], grid: Grid | None, workers: Workers) -> Any:
    assert grid is not None
    return correlation.cross_correlation(arguments, grid, workers)


def _touching(arguments: list[Any], _: Grid | None, workers: Workers) -> Any:
    a, b = arguments
    return components.through(ball.near(a, 1, workers), b, workers)


def _compared_distance(arguments: list[Any], grid: Grid | None, workers: Workers) -> Any:
    assert grid is not None
    b, r, kind, operator, of = arguments
    b = b if of == "region" else np.logical_not(b)
    result = ball.compared_distance(b, r, kind, operator, grid, workers)
    if result is not None:
        return result
    exact = euclidean.signed_distance if kind == "dt" else euclidean.distance
    return rewritten.compare(operator, exact(b, grid, workers), r)
