"""The component kernels, emulated, equal the reference bitwise under any schedule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cuda_emulator.device import EmulatedDevice, emulated
from tests.primitives.images import masks, shapes
from tests.strategies import law
from voxgpu.backends.cuda import components as device_components
from voxgpu.primitives import components, internal, ranked
from voxgpu.primitives.primitive import UndefinedValueError

LIBRARIES = ("components", "components_notes", "components_ranks")
#: Sizes around those of tiles of 64 × 16 × 8 voxels, cells of 2 × 2 × 2 and chunks of 4096.
SHAPES = [(1, 1), (1, 9), (33, 130), (1, 1, 7), (9, 1, 1), (7, 17, 65), (9, 18, 64), (10, 33, 129)]
MAKERS: dict[str, Callable[[tuple[int, ...]], Any]] = {}


def maker(make: Callable[[tuple[int, ...]], Any]) -> Callable[[tuple[int, ...]], Any]:
    """Decorates the generator of a kind of mask."""
    MAKERS[make.__name__] = make
    return make


@maker
def empty(shape: tuple[int, ...]) -> Any:
    return np.zeros(shape, np.bool_)


@maker
def full(shape: tuple[int, ...]) -> Any:
    return np.ones(shape, np.bool_)


@maker
def single(shape: tuple[int, ...]) -> Any:
    """The last voxel."""
    mask = empty(shape)
    mask[(-1,) * len(shape)] = True
    return mask


@maker
def checkerboard(shape: tuple[int, ...]) -> Any:
    """A checkerboard, connected at edges only."""
    return np.indices(shape).sum(axis=0) % 2 == 0


@maker
def grains(shape: tuple[int, ...]) -> Any:
    """The maximum number of components."""
    return (np.indices(shape) % 2 == 1).all(axis=0)


@maker
def planes(shape: tuple[int, ...]) -> Any:
    """Thin planes, across x."""
    return np.indices(shape)[-1] % 3 == 1


@maker
def serpentine(shape: tuple[int, ...]) -> Any:
    """A long serpentine path: walls with a gap at alternating ends, along each axis."""
    mask = full(shape)
    mask[..., 1::2, :] = False
    mask[..., 1::4, -1] = True
    mask[..., 3::4, 0] = True
    if len(shape) == 3:
        mask[1::2] = False
        mask[1::4, -1, -1] = True
        mask[3::4, 0, 0] = True
    return mask


@maker
def sparse(shape: tuple[int, ...]) -> Any:
    return np.random.default_rng(1).random(shape) < 0.05


@maker
def random(shape: tuple[int, ...]) -> Any:
    return np.random.default_rng(2).random(shape) < 0.3


def spiral(side: int) -> Any:
    """A path along the border of a square and on to its center, with gaps between its turns."""
    mask = np.zeros((side, side), np.bool_)
    for ring in range(0, side // 2, 2):
        end = side - 1 - ring
        mask[[ring, end], ring : end + 1] = True
        mask[ring : end + 1, [ring, end]] = True
        # The ring is cut below its first corner; there the path continues to the next one.
        mask[ring + 1, ring] = False
        mask[ring + 2, ring + 1 : ring + 3] = True
    return mask


def seeds_of(mask: Any) -> Any:
    """A few voxels, in the mask and outside."""
    return np.random.default_rng(3).random(mask.shape) < 0.01


def check(a: Any, b: Any, device: EmulatedDevice | None = None) -> None:
    """Compares everything bitwise."""
    device = device or EmulatedDevice()
    pairs = [
        (device_components.through(a, b, device), components.through.function(a, b)),
        (device_components.touching(a, b, device), internal.components_touching.function(a, b)),
        (device_components.labels(b, device), components.labels.function(b)),
        (device_components.largest_component(b, device), components.largest_component.function(b)),
        (device_components.ranked_components(b, device), ranked.ranked_components.function(b)),
    ]
    for found, expected in pairs:
        assert found.dtype == expected.dtype
        assert found.shape == expected.shape
        assert found.tobytes() == expected.tobytes()
    count = device_components.component_count(b, device)
    assert count.dtype == np.float64
    assert count.tolist() == [ranked.component_count.function(b)]


@law(60)
@given(st.data())
def test_small_images(data: Any) -> None:
    shape = data.draw(shapes)
    check(data.draw(masks(shape)), data.draw(masks(shape)))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", MAKERS)
def test_kinds_of_masks(name: str, shape: tuple[int, ...]) -> None:
    mask = MAKERS[name](shape)
    check(seeds_of(mask), mask)


def test_spiral() -> None:
    mask = spiral(151)
    seeds = np.zeros_like(mask)
    seeds[0, 0] = True
    check(seeds, mask)


def blobs(side: int) -> Any:
    """Smooth random shapes of many sizes."""
    noise = np.random.default_rng(4).random((side,) * 3)
    for axis in range(3):
        for _ in range(2):
            noise = noise + np.roll(noise, 1, axis) + np.roll(noise, -1, axis)
    return noise > np.quantile(noise, 0.8)


def test_blobs() -> None:
    mask = blobs(41)
    check(seeds_of(mask), mask)


def test_ranks_more_components_than_one_block_sorts_at_once() -> None:
    lines = np.random.default_rng(5).integers(0, 4, (150, 150))
    mask = np.zeros((300, 600), np.bool_)
    for length in range(1, 4):
        mask[::2, length - 1 :: 4][lines >= length] = True
    mask[250:299, 200:] = True
    # This one is larger only in the third eight-bit digit of its size.
    mask = np.concatenate([mask, np.ones((120, 600), np.bool_)])
    device = EmulatedDevice()
    assert ranked.component_count.function(mask) > 2 * 4096
    found = device_components.ranked_components(mask, device)
    assert found.tobytes() == ranked.ranked_components.function(mask).tobytes()


def test_images_that_begin_at_an_odd_address() -> None:
    shape = (5, 6, 70)
    both = np.random.default_rng(6).random((2, 1 + 5 * 6 * 70)) < 0.2
    a, b = (each[1:].reshape(shape) for each in both)
    check(a, b)


@pytest.fixture
def fuzzed() -> Iterator[Callable[[int], EmulatedDevice]]:
    def with_seed(seed: int) -> EmulatedDevice:
        for library in LIBRARIES:
            emulated(library).configure(seed=seed, yield_per_mille=200, resident=6)
        return EmulatedDevice()

    yield with_seed
    for library in LIBRARIES:
        emulated(library).configure()


@pytest.mark.parametrize("seed", range(1, 9))
@pytest.mark.parametrize("name", ["random", "checkerboard", "serpentine", "full"])
def test_any_schedule(name: str, seed: int, fuzzed: Callable[[int], EmulatedDevice]) -> None:
    mask = MAKERS[name]((9, 19, 131))
    check(seeds_of(mask), mask, fuzzed(seed))


@law(15)
@given(st.data())
def test_any_schedule_of_small_images(data: Any) -> None:
    shape = data.draw(shapes)
    seed = data.draw(st.integers(1, 1000))
    for library in LIBRARIES:
        emulated(library).configure(seed=seed, yield_per_mille=300, resident=6)
    try:
        check(data.draw(masks(shape)), data.draw(masks(shape)))
    finally:
        for library in LIBRARIES:
            emulated(library).configure()


@pytest.mark.parametrize(
    ("compute", "launches"),
    [
        (lambda b, device: device_components.through(b, b, device), 4),
        (lambda b, device: device_components.touching(b, b, device), 4),
        (device_components.largest_component, 4),
        (device_components.component_count, 3),
        (device_components.labels, 6),
        (device_components.ranked_components, 8),
    ],
)
def test_launches(compute: Callable[[Any, EmulatedDevice], Any], launches: int) -> None:
    device = EmulatedDevice()
    compute(random((3, 20, 70)), device)
    assert len(device.launches) == launches


def test_refuses_what_32_bits_cannot_number() -> None:
    mask = np.broadcast_to(np.bool_(True), (2**11, 2**10, 2**10))
    with pytest.raises(UndefinedValueError, match="at most 2147483647"):
        device_components.labels(mask, EmulatedDevice())
