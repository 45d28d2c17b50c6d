"""crossCorrelation on the CPU with large integers, many bins and unusual images."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.primitives.images import masks, spacings
from tests.strategies import law
from voxgpu.backends.cpu import local_histogram
from voxgpu.backends.thread_pool import ThreadPool
from voxgpu.image import Grid
from voxgpu.primitives import texture

SHAPES = [(1, 1), (1, 9), (6, 5), (1, 1, 7), (4, 1, 6), (3, 5, 4), (2, 9, 17)]
ELEMENTS = ["uint8", "int8", "uint16", "int16", "int32", "float32", "float64"]
WHOLE = st.integers(0, 6).map(float)
#: Bounds of bins, their neighbors, and numbers outside all bins.
ODD = WHOLE | st.sampled_from([-0.0, 0.1, 2.999, 1e-42, 3e38, 1e300, np.nan, np.inf, -np.inf])


@pytest.fixture(params=[1, 3])
def workers(request: pytest.FixtureRequest) -> Iterator[ThreadPool]:
    made = ThreadPool(request.param)
    yield made
    made.close()


def expected(arguments: list[Any], grid: Grid) -> Any:
    """The reference's result for images converted as in the language."""
    r, a, b, fb, low, high, count = arguments
    read = [each.astype(np.float32) for each in (a, b)]
    return texture.cross_correlation.function(r, *read, fb, low, high, count, grid)


def check(arguments: list[Any], spacing: tuple[float, ...], workers: ThreadPool) -> Any:
    """The result, which equals the reference bitwise."""
    grid = Grid.regular(arguments[1].shape, spacing)
    found = local_histogram.cross_correlation(*arguments, grid, workers)
    assert found.dtype == np.float32
    assert found.shape == arguments[1].shape
    assert found.tobytes() == expected(arguments, grid).tobytes()
    return found


@st.composite
def images(draw: Any, shape: tuple[int, ...]) -> Any:
    element = draw(st.sampled_from(ELEMENTS))
    values = ODD if element.startswith("float") else WHOLE
    size = math.prod(shape)
    drawn = draw(st.lists(values, min_size=size, max_size=size))
    return np.array(drawn).astype(element).reshape(shape)


@st.composite
def calls(draw: Any) -> tuple[list[Any], tuple[float, ...]]:
    """Arguments and spacing."""
    shape = draw(st.sampled_from(SHAPES))
    a = draw(images(shape))
    b = a if draw(st.booleans()) else draw(images(shape))
    r = draw(st.sampled_from([0.0, 0.5, 1.0, 2.5, 4.0, 1000.0, math.inf]))
    low = draw(st.sampled_from([0.0, -1.0, 0.1]))
    high = draw(st.sampled_from([1.0, 3.0, 6.0, 1e30]))
    bins = draw(st.sampled_from([1.0, 2.0, 7.0, 20.0, 100.0, 300.0]))
    spacing = tuple(draw(spacings) for _ in shape)
    return [r, a, b, draw(masks(shape)), low, high, bins], spacing


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 3])
def test_elements_shapes_and_odd_numbers(threads: int) -> None:
    workers = ThreadPool(threads)

    @given(calls())
    @law(300)
    def law_holds(call: tuple[list[Any], tuple[float, ...]]) -> None:
        check(*call, workers)

    law_holds()
    workers.close()


def sparse(shape: tuple[int, ...], element: str = "int16") -> tuple[Any, Any]:
    """Mostly background, so that one bin has nearly all of a box; and a mask."""
    random = np.random.default_rng(math.prod(shape))
    a = np.zeros(shape, element)
    a[random.random(shape) < 0.02] = 3
    a[tuple(slice(0, 1 + size // 5) for size in shape)] = 5
    return a, random.random(shape) < 0.3


@pytest.mark.parametrize(
    "shape",
    [
        (255, 257),  # 65 535 voxels, whose square is nearly 2³²
        (256, 256),  # one more than 16 bits count
        (300, 260),  # whose square is beyond 32 bits
        (44, 41, 43),
    ],
)
@pytest.mark.parametrize("r", [30.0, 1000.0])
def test_boxes_around_the_limit_of_16_bits(
    shape: tuple[int, ...], r: float, workers: ThreadPool
) -> None:
    a, mask = sparse(shape)
    found = check([r, a, a, mask, 0.0, 6.0, 4.0], (1.0,) * len(shape), workers)
    assert ((found > 0.5) & (found < 1)).any()


def test_large_boxes_that_are_not_the_whole_image(workers: ThreadPool) -> None:
    a, mask = sparse((60, 59, 61))
    found = check([21.0, a, a, mask, 0.0, 6.0, 5.0], (1.0, 1.0, 1.0), workers)
    assert len(np.unique(found)) > 1000


@pytest.mark.parametrize("bins", [1000, 65_535, 65_536, 100_000])
def test_as_many_bins_as_there_are_codes_and_more(bins: int, workers: ThreadPool) -> None:
    random = np.random.default_rng(bins)
    a = random.integers(0, 9, (5, 6, 7)).astype(np.float32) / 8
    a[0] = 1 - 2.0**-24  # the last bin
    found = check([1.0, a, a, a > 0.3, 0.0, 1.0, float(bins)], (1.0, 1.0, 1.0), workers)
    assert found.max() > 0


@pytest.mark.parametrize("element", ["uint8", "int16", "float32", "float64"])
def test_images_that_are_not_contiguous(element: str, workers: ThreadPool) -> None:
    random = np.random.default_rng(2)
    a = random.integers(0, 9, (18, 14, 22)).astype(element)[::2, ::-1, 1::3]
    b = random.integers(0, 9, a.shape[::-1]).astype(element).T
    mask = (random.random(a.shape[::-1]) < 0.5).T
    check([1.5, a, b, mask, 0.0, 8.0, 5.0], (1.0, 0.7, 2.0), workers)


@pytest.mark.parametrize("element", ["int16", "float32"])
def test_histograms_without_spread(element: str, workers: ThreadPool) -> None:
    a = np.ones((4, 5, 6), element)
    a[2] = 4
    nowhere, everywhere = np.zeros(a.shape, bool), np.ones(a.shape, bool)
    spacing = (1.0, 1.0, 1.0)
    empty = check([1.0, a, a, nowhere, 0.0, 5.0, 5.0], spacing, workers)
    assert not empty.any()
    dropped = check([1.0, a, a, everywhere, 10.0, 20.0, 5.0], spacing, workers)
    assert (dropped == 1).all()
    constant = check([1.0, np.ones_like(a), a, a == 1, 0.0, 5.0, 5.0], spacing, workers)
    assert (constant == 1).all()
