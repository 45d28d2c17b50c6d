"""Anatomy of the phantom's head: tissues as implicit functions.

Everything is a formula over coordinates in head millimeters (z upward, y backward, x to the
patient's left, origin in the middle of the brain), warped by smooth random functions. Distances are
signed, positive inside, and approximate: accurate near the surface they describe.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from voxgpu.demo.noise import Axes, Floats, Folds, SmoothNoise, folds, smooth_noise
from voxgpu.frozen import frozen

#: The box that contains every brain: head millimeters along (z, y, x).
EXTENT = (152.0, 192.0, 144.0)

#: Thickness of the cortex in head millimeters.
CORTEX = 2.7

#: Lateral ventricle of one side: tapered tubes, (|x|, y, z, radius) at both ends.
VENTRICLES = (
    ((13.0, -35.0, 8.0, 3.0), (5.0, -14.0, 14.0, 4.2)),
    ((5.0, -14.0, 14.0, 4.2), (11.0, 14.0, 19.0, 4.6)),
    ((11.0, 14.0, 19.0, 4.6), (23.0, 34.0, 9.0, 5.6)),
    ((23.0, 34.0, 9.0, 5.0), (20.0, 56.0, 3.0, 1.8)),
    ((23.0, 34.0, 9.0, 4.0), (32.0, 4.0, -22.0, 2.0)),
)

#: Thalamus, head of the caudate nucleus, lentiform nucleus: center and half-axes, (|x|, y, z).
NUCLEI = (
    ((10.0, 6.0, 7.0), (8.0, 15.0, 9.0)),
    ((12.0, -21.0, 10.0), (5.0, 12.0, 8.0)),
    ((25.0, -4.0, 3.0), (7.0, 17.0, 10.0)),
)


@frozen
class Anatomy:
    """The random functions that distinguish one head from another.

    bend         displacement along (z, y, x), standard deviation 1
    sulci        the course of the folds of the cerebrum
    variation    standard deviation 1; varies the depth of the sulci and the strength of vessels
    ventricles   extra width of the ventricles in head millimeters
    """

    bend: tuple[SmoothNoise, SmoothNoise, SmoothNoise]
    sulci: Folds
    variation: SmoothNoise
    ventricles: float


@frozen
class Points:
    """The voxels of the brain within a box of voxels, one entry each in raster order.

    inside      which voxels of the box these are, (z, y, x)
    z, y, x     their positions in head millimeters, warped
    hull        depth below the outer surface of the brain
    cortex      depth below the surface of the cerebrum, more where there is no cortex
    cerebellum  depth below the surface of the cerebellum
    """

    inside: npt.NDArray[np.bool_]
    z: Floats
    y: Floats
    x: Floats
    hull: Floats
    cortex: Floats
    cerebellum: Floats


@frozen
class Tissues:
    """The depth of each point in each tissue, in head millimeters; negative outside of it.

    Points in none of them are white matter. Where several overlap, fluid prevails.
    """

    grey: Floats
    nuclei: Floats
    cerebellum: Floats
    fluid: Floats
    ventricles: Floats
    vessels: Floats


def new_anatomy(generator: np.random.Generator) -> Anatomy:
    """Draw a random head."""
    bend = tuple(smooth_noise(generator, 26.0) for _ in range(3))
    return Anatomy(
        bend=(bend[0], bend[1], bend[2]),
        sulci=folds(generator, 24.0),
        variation=smooth_noise(generator, 14.0),
        ventricles=float(generator.uniform(-0.6, 1.2)),
    )


def brain_points(anatomy: Anatomy, axes: Axes) -> Points:
    """Find the points of the brain within a box of voxels."""
    bend = [noise.on(axes) for noise in anatomy.bend]
    z = axes.z[:, None, None] + np.float32(1.2) * bend[0]
    y = axes.y[None, :, None] + np.float32(1.2) * bend[1]
    x = axes.x[None, None, :] + np.float32(1.2) * bend[2]
    # Points far outside of a box around the brain need no exact evaluation.
    near = _ellipsoid(z, y, x, (0.0, 0.0, 0.0), (80.0, 100.0, 76.0)) > 0
    z, y, x = z[near], y[near], x[near]
    cerebrum, cerebellum, stem = _cerebrum(z, y, x), _cerebellum(z, y, x), _stem(z, y, x)
    hull = _union(_union(cerebrum, cerebellum, 2.0), stem, 3.0)
    inside = near.copy()
    inside[near] = within = hull > 0
    cortex = np.maximum(cerebrum, 3 * stem + 12)[within]
    return Points(inside, z[within], y[within], x[within], hull[within], cortex, cerebellum[within])


def tissues(anatomy: Anatomy, axes: Axes, points: Points) -> Tissues:
    """Evaluate the tissues at the points of the brain within a box of voxels."""
    variation = anatomy.variation.on(axes)[points.inside]
    sulci = _sulci(anatomy, points, variation)
    fissure = _fissure(points)
    sheet = np.minimum(np.minimum(sulci, fissure), _lateral_fissure(points))
    open_at_top = np.clip(1 - points.cortex / 14, 0, 1)
    ventricles = _ventricles(points, anatomy.ventricles)
    grey = np.maximum(CORTEX - points.cortex, CORTEX + 0.3 - sheet)
    fluid = np.maximum(0.35 + 0.75 * open_at_top - sheet, 0.5 - points.hull)
    below = points.cerebellum > points.cortex
    folia = _folia(points, variation)
    cerebellum = np.where(below, np.minimum(points.cerebellum + 1, 13 - points.cerebellum), -9)
    tent = np.abs(points.cerebellum - points.cortex)
    tent[points.z < -48] = 9
    fluid = np.where(below, np.maximum(-folia, 0.9 - tent), fluid)
    grey = np.where(below, -9, grey)
    vessels = 2.3 - fissure - 0.35 * points.hull
    vessels = np.maximum(vessels, np.minimum(0.5 * variation - 0.8 - sulci, 12 - points.hull))
    return Tissues(
        grey, _nuclei(points), cerebellum, np.maximum(fluid, ventricles), ventricles, vessels
    )


def length(*components: Floats) -> Floats:
    """Lengths of vectors, given by their components."""
    total = sum(component * component for component in components)
    result: Floats = np.sqrt(total)
    return result


def _sulci(anatomy: Anatomy, points: Points, variation: Floats) -> Floats:
    """Distance to the nearest sulcus. Sulci are perpendicular to the surface, of limited depth."""
    radius = length(points.z / 68, points.y / 90, points.x / 66)
    # Along a radius inward, the position where the folds are evaluated hardly changes.
    outward = (1 - 0.2 * (1 - radius)) / np.maximum(radius, 0.05)
    aside = np.float32(1.5) * variation
    sheet = np.abs(
        anatomy.sulci.at(
            points.z * outward + aside, points.y * outward - aside, points.x * outward + aside
        )
    )
    below = np.maximum(points.cortex - (17 + 4 * variation), 0)
    return length(sheet, below)


def _fissure(points: Points) -> Floats:
    """Distance to the fissure between the hemispheres, which ends above the corpus callosum."""
    callosum = _ellipsoid(points.z, points.y, 0 * points.x, (-2.0, 2.0, 0.0), (31.0, 46.0, 9.0))
    inward = np.maximum(callosum, 0) + np.maximum(-24 - points.z, 0)
    return length(points.x, inward)


def _lateral_fissure(points: Points) -> Floats:
    """Distance to the fissure above the temporal lobe, which extends to the insula."""
    inward = np.maximum(34 - np.abs(points.x), 0) + np.maximum(np.abs(points.y + 8) - 32, 0)
    level = points.z + 7 - np.float32(0.28) * points.y
    return length(level, inward)


def _folia(points: Points, variation: Floats) -> Floats:
    """Distance to the nearest fissure of the cerebellum: shells around the brain stem."""
    shell = length(0.8 * points.x, points.y - 4, points.z + 34)
    shell = (shell + variation) / 4.6
    distance: Floats = 4.6 * np.abs(shell - np.rint(shell))
    return distance


def _ventricles(points: Points, wider: float) -> Floats:
    """Depth in the lateral, third and fourth ventricles."""
    x = np.abs(points.x)
    depth = _ellipsoid(points.z, points.y, points.x, (2.0, 0.0, 0.0), (10.0, 16.0, 1.9))
    depth = np.maximum(
        depth, _ellipsoid(points.z, points.y, points.x, (-40.0, 28.0, 0.0), (8.0, 4.5, 6.0))
    )
    for start, end in VENTRICLES:
        depth = _union(depth, wider + _tube(points.z, points.y, x, start, end), 1.0)
    return depth


def _nuclei(points: Points) -> Floats:
    """Depth in the deep grey nuclei."""
    x = np.abs(points.x)
    depths = [_ellipsoid(points.z, points.y, x, c[::-1], h[::-1]) for c, h in NUCLEI]
    return np.maximum(np.maximum(depths[0], depths[1]), depths[2])


def _cerebrum(z: Floats, y: Floats, x: Floats) -> Floats:
    """Depth in the cerebrum: an egg, narrower in front, flat below, with temporal lobes."""
    front = np.maximum(-y / 90, np.float32(0))
    aside: Floats = np.abs(x) * (1 + 0.16 * front * front)
    height = np.where(z > 2, 66, 40).astype(np.float32)
    egg = _ellipsoid((z - 2) / height * 66, y, aside, (0.0, 0.0, 0.0), (66.0, 89.0, 65.0))
    lobe = _ellipsoid(z, y, aside, (-24.0, -8.0, 41.0), (25.0, 44.0, 22.0))
    return _union(egg, lobe, 6.0)


def _cerebellum(z: Floats, y: Floats, x: Floats) -> Floats:
    """Depth in the cerebellum, two hemispheres that meet in the middle."""
    return _ellipsoid(z, y, np.abs(x), (-41.0, 42.0, 19.0), (25.0, 34.0, 33.0))


def _stem(z: Floats, y: Floats, x: Floats) -> Floats:
    """Depth in the brain stem."""
    return _ellipsoid(z, y, x, (-34.0, 8.0, 0.0), (36.0, 15.0, 15.0))


def _ellipsoid(
    z: Floats, y: Floats, x: Floats, center: tuple[float, ...], half: tuple[float, ...]
) -> Floats:
    """Depth in an ellipsoid, to first order; center and half-axes along (z, y, x).

    Source: I. Quilez, "Ellipsoids" (bounding distance of an ellipsoid).
    """
    scaled = [
        (position - np.float32(middle)) * np.float32(1 / axis)
        for position, middle, axis in zip((z, y, x), center, half, strict=True)
    ]
    radius = length(*scaled)
    slopes = [place * np.float32(1 / axis) for place, axis in zip(scaled, half, strict=True)]
    slope = length(*slopes)
    depth: Floats = radius * (1 - radius) / np.maximum(slope, np.float32(1e-6))
    return depth


def _tube(
    z: Floats, y: Floats, x: Floats, start: tuple[float, ...], end: tuple[float, ...]
) -> Floats:
    """Depth in a tapered tube between two balls, each (x, y, z, radius)."""
    along = [b - a for a, b in zip(start[:3], end[:3], strict=True)]
    offsets = [p - np.float32(a) for p, a in zip((x, y, z), start[:3], strict=True)]
    squared = sum(a * a for a in along)
    share = sum(o * np.float32(a / squared) for o, a in zip(offsets, along, strict=True))
    share = np.clip(share, 0, 1)
    away = [o - share * np.float32(a) for o, a in zip(offsets, along, strict=True)]
    radius = start[3] + share * np.float32(end[3] - start[3])
    depth: Floats = radius - length(*away)
    return depth


def _union(a: Floats, b: Floats, rounding: float) -> Floats:
    """Depth in the union of two bodies, with the crease between them rounded (head millimeters)."""
    share = np.clip(0.5 + (a - b) * np.float32(0.5 / rounding), 0, 1)
    depth: Floats = b + (a - b) * share + np.float32(rounding) * share * (1 - share)
    return depth
