"""The phantom's tumor: irregular edema around an enhancing rim around a necrotic core."""

from __future__ import annotations

import numpy as np

from voxgpu.demo.anatomy import EXTENT, Anatomy, Points, Tissues, brain_points, length, tissues
from voxgpu.demo.noise import Axes, Floats, SmoothNoise, smooth_noise
from voxgpu.frozen import frozen

#: Voxel size, in head millimeters, of the coarse survey that positions and sizes the tumor.
SURVEY = 2.5

#: Smallest and largest fraction of the brain that the whole tumor occupies.
SHARE = (0.070, 0.080)


@frozen
class Lesion:
    """A tumor of one head.

    center       of the core, head millimeters (z, y, x)
    stretch      of the edema along (z, y, x): a larger factor makes it shorter
    lobes        bumps of the outline, large and small, standard deviation 1
    core         radius of core and rim together, head millimeters
    edema        radius of the edema from the center, head millimeters, before its outline is made
                 irregular
    """

    center: tuple[float, float, float]
    stretch: tuple[float, float, float]
    lobes: tuple[SmoothNoise, SmoothNoise]
    core: float
    edema: float = 0.0


@frozen
class Layers:
    """The depth of each point in each layer, in head millimeters; negative outside of it.

    edema   everything within reach of the edema, fluid included
    rim     the enhancing rim and its interior
    core    the necrotic core
    dry     everything that is not fluid
    water   swelling of the tissue, about a third at the outline of the edema, 1 deep inside
    """

    edema: Floats
    rim: Floats
    core: Floats
    dry: Floats
    water: Floats

    @property
    def whole(self) -> Floats:
        """The union of edema, rim and core."""
        return np.minimum(np.maximum(self.edema, self.rim), self.dry)


def new_lesion(generator: np.random.Generator, anatomy: Anatomy) -> Lesion:
    """Place a random tumor in the white matter of one hemisphere and let it grow to its size."""
    axes = _survey_axes()
    points = brain_points(anatomy, axes)
    parts = tissues(anatomy, axes, points)
    stretch = generator.uniform(0.85, 1.2, 3)
    seedling = Lesion(
        center=_center(generator, points, parts),
        stretch=(float(stretch[0]), float(stretch[1]), float(stretch[2])),
        lobes=(smooth_noise(generator, 16.0), smooth_noise(generator, 7.0)),
        core=float(generator.uniform(15.0, 18.0)),
    )
    layers = lesion_layers(seedling, axes, points, parts)
    # Core and rim belong to the tumor regardless of the edema; fluid never does.
    reach = np.where(layers.rim > 0, np.inf, np.where(layers.dry > 0, layers.edema, -np.inf))
    share = float(generator.uniform(*SHARE))
    count = reach.size - round(share * reach.size)
    edema = -float(np.partition(reach, count)[count])
    return Lesion(seedling.center, seedling.stretch, seedling.lobes, seedling.core, edema)


def lesion_layers(lesion: Lesion, axes: Axes, points: Points, parts: Tissues) -> Layers:
    """The tumor's layers at the points of the brain within a box of voxels."""
    offsets = [
        place - np.float32(middle)
        for place, middle in zip((points.z, points.y, points.x), lesion.center, strict=True)
    ]
    large, small = (noise.on(axes)[points.inside] for noise in lesion.lobes)
    outline = np.float32(2.2) * large + np.float32(0.8) * small
    rim = np.float32(lesion.core) + outline - length(*offsets)
    core = rim - np.maximum(4.5 + 1.2 * small - 0.6 * large, 1.5)
    stretched = [o * np.float32(s) for o, s in zip(offsets, lesion.stretch, strict=True)]
    edema = np.float32(lesion.edema) + 2 * outline - length(*stretched)
    edema -= _resistance(lesion, points, parts)
    # Rim and core have displaced the sulci; ventricles resist.
    dry = -np.where(rim > 0, parts.ventricles, parts.fluid) - 0.3
    rim = np.minimum(rim, dry)
    water = np.clip(0.36 + edema / 20 + 0.1 * large + 0.06 * small, 0.2, 1.1)
    return Layers(edema, rim, np.minimum(core, rim), dry, water)


def _resistance(lesion: Lesion, points: Points, parts: Tissues) -> Floats:
    """Head millimeters by which tissue shortens the edema, which spreads in white matter."""
    grey = np.clip(parts.grey + 0.5, 0, 2.5) + np.clip(parts.nuclei + 0.5, 0, 2.5)
    across = np.float32(1 if lesion.center[2] > 0 else -1) * points.x
    resistance: Floats = (
        np.float32(4) * grey
        + np.clip(parts.cerebellum + 4, 0, 10) * 10
        + np.clip(4 - across, 0, 20) * 2
    )
    return resistance


def _center(
    generator: np.random.Generator, points: Points, parts: Tissues
) -> tuple[float, float, float]:
    """A position for the core: deep enough, away from midline and ventricles."""
    suitable = (points.hull > 19) & (points.hull < 26) & (np.abs(points.x) > 24)
    suitable &= (points.z > -8) & (np.abs(points.y) < 48) & (parts.ventricles < -9)
    chosen = generator.choice(np.flatnonzero(suitable))
    return float(points.z[chosen]), float(points.y[chosen]), float(points.x[chosen])


def _survey_axes() -> Axes:
    """A coarse box of voxels around the whole brain."""
    vectors = [
        (np.arange(int(extent / SURVEY)) * SURVEY - extent / 2).astype(np.float32)
        for extent in EXTENT
    ]
    return Axes(*vectors)
