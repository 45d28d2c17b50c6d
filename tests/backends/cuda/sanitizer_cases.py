"""Launches of each kernel on small images, for sanitizers and for kernels with seeded bugs.

``python -m tests.backends.cuda.sanitizer_cases SANITIZE [EXERCISE | BUG]`` runs all exercises, or
one, or that of a bug with the bug applied, and prints ``right`` or the failure.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.cuda_emulator.device import EmulatedDevice
from tests.cuda_emulator.module import Module
from voxgpu.backends.cuda import (
    channels,
    components,
    dilation,
    distance,
    gradient,
    local_histogram,
    otsu,
    percentiles,
    threshold_counts,
)
from voxgpu.codegen.cuda_kernels import library_text, prelude
from voxgpu.codegen.cuda_renderer import CudaKernel, render
from voxgpu.codegen.interpreter import evaluate
from voxgpu.codegen.kernel import Kernel
from voxgpu.codegen.scalar import count, largest, read, smallest, total, where
from voxgpu.image import Grid
from voxgpu.primitives import color, intensity_ranks, internal, ranked, texture
from voxgpu.primitives import components as meant_components
from voxgpu.primitives import distance as meant_distance

SHAPE = (9, 19, 70)
GRID = Grid.regular(SHAPE, (2.0, 1.0, 0.7))

_RANDOM = np.random.default_rng(5)
NUMBERS = _RANDOM.integers(-40, 300, SHAPE).astype(np.int16)
FLOATS = _RANDOM.normal(0, 50, SHAPE).astype(np.float32)
SPARSE = _RANDOM.random(SHAPE) < 0.12
DENSE = _RANDOM.random(SHAPE) < 0.6


def _same(found: Any, expected: Any) -> bool:
    return bool(np.array_equal(np.asarray(found), expected, equal_nan=expected.dtype.kind == "f"))


def through(device: Any) -> bool:
    seeds = SPARSE & (np.indices(SHAPE)[2] < 20)
    found = components.through(seeds, SPARSE | (NUMBERS > 230), device)
    return _same(found, meant_components.through.function(seeds, SPARSE | (NUMBERS > 230)))


def touching(device: Any) -> bool:
    mask = _RANDOM_MASK
    seeds = SPARSE & (np.indices(SHAPE)[1] < 5)
    found = components.touching(seeds, mask, device)
    return _same(found, internal.components_touching.function(seeds, mask))


_RANDOM_MASK = np.random.default_rng(8).random(SHAPE) < 0.18


def labels(device: Any) -> bool:
    found = components.labels(SPARSE, device)
    ranks = components.ranked_components(SPARSE, device)
    largest_found = components.largest_component(_RANDOM_MASK, device)
    return (
        _same(found, meant_components.labels.function(SPARSE))
        and _same(ranks, ranked.ranked_components.function(SPARSE))
        and _same(largest_found, meant_components.largest_component.function(_RANDOM_MASK))
    )


def boxes(device: Any) -> bool:
    found = [dilation.near(SPARSE, radius, device) for radius in (1, 3)]
    expected = [internal.box_dilate.function(SPARSE, radius) for radius in (1, 3)]
    inner = dilation.interior(DENSE, 1, device)
    return all(map(_same, found, expected)) and _same(inner, internal.box_erode.function(DENSE, 1))


def balls(device: Any) -> bool:
    rare = NUMBERS > 290
    near = rare, 3.0, "pdt", "less_equal"
    deep = ~rare, -1.5, "dt", "less_equal"
    found = [dilation.distance_compare(*each, GRID, device) for each in (near, deep)]
    compare = internal.distance_compare.function
    expected = [compare(*each, "region", GRID) for each in (near, deep)]
    return all(map(_same, found, expected))


def distances(device: Any) -> bool:
    found = distance.signed_distance(DENSE, GRID, device)
    return _same(found, meant_distance.signed_distance.function(DENSE, GRID))


def gradients(device: Any) -> bool:
    found = gradient.gradient(NUMBERS, GRID, device)
    return _same(found, texture.gradient.function(NUMBERS.astype(np.float32), GRID))


def ranks(device: Any) -> bool:
    found = percentiles.percentiles(NUMBERS, DENSE, 0.5, device)
    masks = percentiles.compared_percentiles(
        NUMBERS, DENSE, 0.5, [("greater", 0.9), ("less", 0.2)], device
    )
    plain = intensity_ranks.percentiles.function(NUMBERS.astype(np.float32), DENSE, 0.5)
    expected = [internal.compare("greater", plain, 0.9), internal.compare("less", plain, 0.2)]
    return _same(found, plain) and all(map(_same, masks, expected))


def sorted_ranks(device: Any) -> bool:
    numbers, mask = FLOATS[:5], DENSE[:5]  # more than one block of voxels
    found = percentiles.percentiles(numbers, mask, 0.5, device)
    return _same(found, intensity_ranks.percentiles.function(numbers, mask, 0.5))


def splits(device: Any) -> bool:
    found = [otsu.otsu(v, DENSE, 20.0, device)[0] for v in (NUMBERS, FLOATS)]
    expected = [
        intensity_ranks.otsu.function(v.astype(np.float32), DENSE, 20.0) for v in (NUMBERS, FLOATS)
    ]
    return all(map(_same, found, expected))


def counts(device: Any) -> bool:
    asked = [("greater", float(n)) for n in range(-30, 290, 20)]
    found = [threshold_counts.count_thresholds(v, asked, device) for v in (NUMBERS, FLOATS)]
    return all(
        np.asarray(each)[place] == np.count_nonzero(v > np.float32(number))
        for each, v in zip(found, (NUMBERS, FLOATS), strict=True)
        for place, (_, number) in enumerate(asked)
    )


def correlations(device: Any) -> bool:
    right = True
    numbers, mask = NUMBERS[:5], DENSE[:5]  # more planes would add no coverage
    grid = Grid.regular(numbers.shape, GRID.spacing)
    for bins in (12, 300):
        arguments = (2.0, numbers, numbers, mask, -40.0, 300.0, bins, grid)
        found = local_histogram.cross_correlation(*arguments, device)
        plain = numbers.astype(np.float32)
        expected = texture.cross_correlation.function(
            2.0, plain, plain, mask, -40.0, 300.0, float(bins), grid
        )
        right = right and _same(found, expected)
    return right


def parts(device: Any) -> bool:
    found = channels.extracted(NUMBERS, (2, 3, 5), (4, 9, 31), device)
    colors = np.random.default_rng(3).integers(0, 255, (9, 31, 3)).astype(np.uint8)
    channel = channels.channel(colors, 1, device)
    return _same(found, NUMBERS[2:6, 3:12, 5:36]) and _same(
        channel, colors[..., 1].astype(np.float32)
    )


def tails(device: Any) -> bool:
    """Sizes that are one less than a multiple of what threads read at once."""
    mask = SPARSE[:2, :6, :10].copy()  # 15 cells, which are read by eights
    colors = np.random.default_rng(3).integers(0, 255, (5, 7, 3)).astype(np.uint8)
    bands = [np.ascontiguousarray(colors[..., number]) for number in range(3)]
    joined = color.rgb.function(*(each.astype(np.float32) for each in bands))
    return (
        _same(components.through(mask, mask, device), mask)
        and _same(channels.intensity(colors, device), color.intensity_of_color.function(colors))
        and _same(channels.joined(bands, device), joined)
    )


def counters(device: Any) -> bool:
    """Counters of bytes, and of more bins than a block has shared memory for."""
    small, mask = (NUMBERS[:3] & 255).astype(np.uint8), DENSE[:3]
    found = percentiles.percentiles(small, mask, 0.5, device)
    plain = intensity_ranks.percentiles.function(small.astype(np.float32), mask, 0.5)
    numbers, chosen = NUMBERS[:2, :7].copy(), DENSE[:2, :7].copy()
    grid = Grid.regular(numbers.shape, GRID.spacing)
    arguments = (1.0, numbers, numbers, chosen, -40.0, 300.0, 4200, grid)
    plain_numbers = numbers.astype(np.float32)
    expected = texture.cross_correlation.function(
        1.0, plain_numbers, plain_numbers, chosen, -40.0, 300.0, 4200.0, grid
    )
    return _same(found, plain) and _same(
        local_histogram.cross_correlation(*arguments, device), expected
    )


def odd_addresses(device: Any) -> bool:
    """Masks that begin a byte after an address of words."""
    both = np.zeros((2, 1 + SPARSE.size), np.bool_)
    both[:, 1:] = SPARSE.reshape(-1), _RANDOM_MASK.reshape(-1)
    a, b = (each[1:].reshape(SHAPE) for each in both)
    boxed = dilation.near(a, 1, device)
    return _same(
        components.through(a, b, device), meant_components.through.function(a, b)
    ) and _same(boxed, internal.box_dilate.function(a, 1))


def reductions(device: Any) -> bool:
    """A generated kernel that writes and reduces, over several blocks."""
    v, mask = read(0, "f32"), read(1, "bool")
    bodies = (total(where(mask, v, 0.0)), count(mask), smallest(v), largest(v))
    kernel = CudaKernel(
        Kernel(("int16", "bool"), (), (v * 2.0, ~mask), bodies), tuple((b, None) for b in bodies)
    )
    function = device.generated(prelude() + render(kernel, "k"), "k")
    voxels, truths = (np.tile(each, (4, 1, 1))[:35].copy() for each in (NUMBERS, DENSE))
    shape, n = voxels.shape, voxels.size
    blocks = -(-n // kernel.voxels_a_block)
    doubled, inverse = device.empty(shape, np.float32), device.empty(shape, np.bool_)
    places = device.zeros((5,), np.uint64), device.empty((blocks,), np.float64)
    numbers = device.empty((4,), np.float64)
    sizes = np.int64(n), *map(np.int32, reversed(shape))
    function((blocks,), (256,), (*sizes, voxels, truths, doubled, inverse, *places, numbers))
    images = [voxels.astype(np.float32), truths]
    expected = np.array([evaluate(each, images, [], shape) for each in bodies])
    return (
        _same(numbers, expected)
        and _same(doubled, images[0] * np.float32(2))
        and _same(inverse, ~truths)
    )


EXERCISES: dict[str, Callable[[Any], bool]] = {
    each.__name__: each
    for each in (
        *(through, touching, labels, boxes, balls, distances, gradients, ranks, sorted_ranks),
        *(splits, counts, correlations, parts, tails, counters, odd_addresses, reductions),
    )
}


#: Maps a file of kernels and its text to the text that is run.
Change = Callable[[str, str], str]


def _as_it_is(file: str, text: str) -> str:
    return text


class Exercised(EmulatedDevice):
    """Runs kernels whose texts may have been changed, in one order of threads."""

    def __init__(self, sanitize: str, seed: int, change: Change) -> None:
        super().__init__(self._module)
        self._sanitize, self._seed, self._change = sanitize, seed, change
        self._modules_of: dict[str, Module] = {}

    def _module(self, library: str) -> Module:
        return self._compiled(library, library_text(library))

    def generated(self, text: str, name: str) -> Any:
        """A kernel of a generated text."""
        return self._compiled("fused", text).get_function(name)

    def _compiled(self, file: str, text: str) -> Module:
        if text not in self._modules_of:
            made = Module(self._change(file, text), sanitize=self._sanitize)
            if self._seed:
                made.configure(seed=self._seed, yield_per_mille=200, resident=5)
            self._modules_of[text] = made
        return self._modules_of[text]


def main(arguments: list[str]) -> str:
    """Runs the requested exercises; returns the result."""
    from tests.backends.cuda.seeded_bugs import BUGS

    sanitize = "" if arguments[0] == "none" else arguments[0]
    names = list(EXERCISES)
    change: Change = _as_it_is
    if arguments[1:] and arguments[1] in EXERCISES:
        names = arguments[1:]
    elif len(arguments) > 1:
        bug = BUGS[arguments[1]]
        names, change = [bug.exercise], bug.planted_in
    # Findings of sanitizers hardly depend on the order; results are compared under several.
    seeds = (1,) if sanitize else (0, 1, 2, 3, 4, 5)
    for seed in seeds:
        device = Exercised(sanitize, seed, change)
        for name in names:
            if not EXERCISES[name](device):
                return f"{name} is wrong with seed {seed}"
    return "right"


if __name__ == "__main__":
    print(main(sys.argv[1:]))
