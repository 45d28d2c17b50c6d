"""Smooth random functions of space, the source of the phantom's irregularity.

Random numbers lie on small cubic lattices whose step is in head millimeters, not in voxels, so the
same seed gives the same head at every resolution. Values depend only on products and sums of
exactly representable random numbers: no result depends on the number of threads or on a math
library.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.frozen import frozen

#: Always float32; the type checker cannot infer that for a product with a Python number.
Floats = npt.NDArray[np.floating[Any]]

#: Half the edge, in head millimeters, of the cube in which every lattice is defined.
REACH = 110.0

#: Lattice points along each axis of a fold pattern; a power of two, to wrap by masking.
FOLD_LATTICE = 64


@frozen
class Axes:
    """The coordinates of a box of voxels in head millimeters, one ascending vector per axis.

    The origin is the center of the head; z grows upward, y backward, x to the patient's left.
    """

    z: Floats
    y: Floats
    x: Floats


@frozen
class SmoothNoise:
    """A random function with features of a chosen size: a uniform cubic B-spline.

    values  its coefficients on a cubic lattice, (z, y, x)
    step    distance of neighboring lattice points in head millimeters
    """

    values: Floats
    step: float

    def on(self, axes: Axes) -> Floats:
        """The function on a box of voxels, (z, y, x): mean 0, standard deviation about 1."""
        result = self.values
        for axis, positions in enumerate((axes.z, axes.y, axes.x)):
            result = _interpolate(result, axis, (positions + REACH) / self.step)
        return result


def smooth_noise(generator: np.random.Generator, step: float) -> SmoothNoise:
    """A random function whose bumps are about two ``step`` (head millimeters) wide."""
    count = int(2 * REACH / step) + 5
    values = generator.random((count,) * 3, dtype=np.float32) - np.float32(0.5)
    # The B-spline reduces the standard deviation of uniform numbers to 0.097 of their range.
    return SmoothNoise(values * np.float32(10.3), step)


@frozen
class Folds:
    """A random labyrinth of sheets, the course of the sulci.

    distances  head millimeters to the nearest sheet on a periodic cubic lattice, with a sign for
               the side; (z, y, x)
    step       distance of neighboring lattice points in head millimeters
    """

    distances: Floats
    step: float

    def at(self, z: Floats, y: Floats, x: Floats) -> Floats:
        """Head millimeters to the nearest sheet at points given by their coordinates."""
        lower: list[npt.NDArray[np.int32]] = []
        share: list[tuple[Floats, Floats]] = []
        for positions in (z, y, x):
            places = positions * np.float32(1 / self.step)
            whole = np.floor(places)
            places -= whole
            lower.append(whole.astype(np.int32))
            share.append((1 - places, places))
        return _trilinear(self.distances, lower, share)


def folds(generator: np.random.Generator, wavelength: float) -> Folds:
    """A labyrinth whose sheets are half a ``wavelength`` (head millimeters) apart.

    White noise is filtered around one wavelength and clipped, repeatedly, as a reaction-diffusion
    system makes stripes (Turing 1952); the sheets are where it changes sign. The lattice has ten
    points per wavelength.
    """
    count, step = FOLD_LATTICE, wavelength / 10
    band = _band(count, 0.1)
    pattern = generator.random((count,) * 3) - 0.5
    for _ in range(6):
        pattern = np.fft.irfftn(np.fft.rfftn(pattern) * band)
        pattern = np.clip(pattern / pattern.std(), -1.2, 1.2)
    pattern = np.fft.irfftn(np.fft.rfftn(pattern) * band)
    slope = np.sqrt(sum(np.gradient(pattern, axis=axis) ** 2 for axis in range(3))) / step
    # Where the slope vanishes two sheets would meet; the bound keeps them apart.
    distances = pattern / np.maximum(slope, 0.2 * slope.mean())
    distances = np.clip(distances, -wavelength / 4, wavelength / 4)
    # Rounding hides the last bits, which differ between Fourier transforms of different libraries.
    return Folds((np.rint(distances * 256) / 256).astype(np.float32), step)


def _band(count: int, frequency: float) -> npt.NDArray[Any]:
    """A filter for real Fourier transforms around a frequency, in cycles per lattice step."""
    full, half = np.fft.fftfreq(count), np.fft.rfftfreq(count)
    radius = np.sqrt(full[:, None, None] ** 2 + full[None, :, None] ** 2 + half[None, None, :] ** 2)
    band: npt.NDArray[Any] = np.exp(-(((radius - frequency) / (0.22 * frequency)) ** 2))
    return band


def _trilinear(
    values: Floats, lower: list[npt.NDArray[np.int32]], share: list[tuple[Floats, Floats]]
) -> Floats:
    """Interpolate between the eight lattice points around each position, on a periodic lattice.

    lower  per axis (z, y, x), the index of the lattice point below, in any period
    share  per axis, the weights of that point and of the next one
    """
    size, flat = FOLD_LATTICE, values.ravel()
    result = np.zeros(lower[0].shape, np.float32)
    for up in range(2):
        plane = ((lower[0] + up) & (size - 1)) * size
        for back in range(2):
            row = (plane + ((lower[1] + back) & (size - 1))) * size
            weight = share[0][up] * share[1][back]
            for left in range(2):
                corner = flat.take(row + ((lower[2] + left) & (size - 1)))
                result += corner * (weight * share[2][left])
    return result


def _interpolate(values: Floats, axis: int, places: Floats) -> Floats:
    """Evaluate B-splines along one axis at ``places``, in lattice steps from the first point."""
    first = np.clip(np.floor(places).astype(np.intp), 0, values.shape[axis] - 4)
    t = (places - first).astype(np.float32)
    # Products, because the last bit of powers differs between libraries.
    rest, square, cube = 1 - t, t * t, t * t * t
    weights = (
        rest * rest * rest / 6,
        (3 * cube - 6 * square + 4) / 6,
        (-3 * cube + 3 * square + 3 * t + 1) / 6,
        cube / 6,
    )
    around = [1, 1, 1]
    around[axis] = -1
    terms = [
        np.take(values, first + offset, axis) * weight.reshape(around)
        for offset, weight in enumerate(weights)
    ]
    total: Floats = terms[0] + terms[1] + terms[2] + terms[3]
    return total
