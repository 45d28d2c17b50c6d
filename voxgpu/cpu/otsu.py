"""How is Otsu's threshold found on the CPU? See ``kernels/otsu.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.codegen.library import kernel
from voxgpu.cpu.workers import Workers, slabs
from voxgpu.primitives.otsu import bin_edges, no_finite_value, threshold_of
from voxgpu.primitives.primitive import ValueProblem
from voxgpu.primitives.statistics import bins_problem

Array = npt.NDArray[Any]


def otsu(v: Array, mask: npt.NDArray[np.bool_], bins: float, workers: Workers) -> Array:
    """The primitive of that name; ``v`` may be of any element."""
    problem = bins_problem(v, mask, bins)
    if problem:
        raise ValueProblem(problem)
    flat, chosen = v.reshape(-1), mask.reshape(-1)
    parts = slabs(len(flat), 1)
    least, greatest = _range(flat, chosen, parts, workers)
    lower, upper = bin_edges(least, greatest, int(bins))
    frequencies = _frequencies(flat, chosen, parts, lower, greatest, workers)
    threshold = threshold_of(frequencies, lower, upper)
    out: Array = workers.empty(flat.shape, np.bool_)

    def decide(bounds: tuple[int, int]) -> None:
        place = slice(*bounds)
        np.greater(_as_float32(flat[place]), threshold, out=out[place])
        np.logical_and(out[place], chosen[place], out=out[place])

    workers.map(decide, parts)
    return out.reshape(v.shape)


def _range(
    flat: Array, chosen: Array, parts: list[tuple[int, int]], workers: Workers
) -> tuple[float, float]:
    """The least and the greatest finite number of the mask."""
    search = kernel("otsu", "range_float32")

    def part(bounds: tuple[int, int]) -> tuple[int, float, float]:
        found = np.array([np.inf, -np.inf], np.float32)
        start, stop = bounds
        count = search(stop - start, _as_float32(flat[start:stop]), chosen[start:stop], found)
        return count, float(found[0]), float(found[1])

    found = [each for each in workers.map(part, parts) if each[0]]
    if not found:
        raise no_finite_value()
    return min(each[1] for each in found), max(each[2] for each in found)


def _frequencies(
    flat: Array,
    chosen: Array,
    parts: list[tuple[int, int]],
    lower: Array,
    greatest: float,
    workers: Workers,
) -> list[int]:
    """How many finite numbers of the mask fall into each bin."""
    count, bins, least = kernel("otsu", "count_bins"), len(lower), float(lower[0])
    span = greatest - least
    scale = bins / span if span > 0 and np.isfinite(bins / span) else 0.0

    def part(bounds: tuple[int, int]) -> Array:
        counts = np.zeros(bins, np.int64)
        start, stop = bounds
        values = _as_float32(flat[start:stop])
        count(stop - start, values, chosen[start:stop], bins, least, scale, lower, counts)
        return counts

    total = sum(workers.map(part, parts), np.zeros(bins, np.int64))
    return [int(each) for each in total]


def _as_float32(values: Array) -> Array:
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(values, dtype=np.float32)
