"""The random functions of the phantom have the documented smoothness, size and reproducibility."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import map_coordinates

from voxgpu.demo.noise import Axes, folds, smooth_noise


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def axes(step: float, reach: float = 80) -> Axes:
    places = np.arange(-reach, reach, step, dtype=np.float32)
    return Axes(places, places, places)


def test_noise_has_mean_zero_and_deviation_one() -> None:
    values = smooth_noise(generator(), 6.0).on(axes(4.0))
    assert values.dtype == np.float32
    assert abs(values.mean()) < 0.1
    assert 0.9 < values.std() < 1.1


def test_noise_is_as_smooth_as_its_step() -> None:
    fine, coarse = (smooth_noise(generator(), step).on(axes(2.0)) for step in (4.0, 20.0))
    assert np.abs(np.diff(fine)).mean() > 3 * np.abs(np.diff(coarse)).mean()
    assert np.abs(np.diff(coarse)).max() < 0.6


def test_noise_of_a_part_is_part_of_the_noise() -> None:
    noise, whole = smooth_noise(generator(), 9.0), axes(5.0)
    part = Axes(whole.z[3:9], whole.y[2:], whole.x[:5])
    assert np.array_equal(noise.on(part), noise.on(whole)[3:9, 2:, :5])


def test_noise_depends_on_the_generator() -> None:
    first, same, other = (smooth_noise(generator(s), 9.0).on(axes(10.0)) for s in (1, 1, 2))
    assert np.array_equal(first, same)
    assert not np.allclose(first, other)


def test_folds_are_interpolated_linearly_and_periodically() -> None:
    labyrinth = folds(generator(), 24.0)
    places = generator(1).uniform(-300, 300, (3, 2000)).astype(np.float32)
    expected = map_coordinates(
        labyrinth.distances, places / labyrinth.step, order=1, mode="grid-wrap"
    )
    assert np.allclose(labyrinth.at(*places), expected, atol=2e-3)


def test_folds_are_distances_to_sheets_half_a_wavelength_apart() -> None:
    labyrinth = folds(generator(), 24.0)
    line = np.arange(0, 1500, 0.25, dtype=np.float32)
    distance = labyrinth.at(0 * line, 0.618 * line, line)
    assert np.abs(distance).max() <= 6.001
    steps = np.abs(np.diff(distance)) / (0.25 * np.hypot(0.618, 1))
    near_sheets = np.abs(distance[:-1]) < 1
    assert 0.2 < np.median(steps[near_sheets]) <= 1.05, "a distance changes by 1 mm per mm at most"
    crossings = (np.sign(distance[1:]) != np.sign(distance[:-1])).sum()
    mean_gap = 1500 * np.hypot(0.618, 1) / crossings
    assert 12 < mean_gap < 30, "a straight line crosses sheets at a slant, and some keep apart"
