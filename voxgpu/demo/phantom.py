"""The phantom of `voxgpu demo`: a synthetic head with a tumor, in four MR sequences.

The head is generated from a seed: it contains no patient data. It is preprocessed like the cases of
the BraTS challenge: skull removed, background exactly 0, 16-bit voxels, all sequences on one grid,
and a ground truth with BraTS's labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from voxgpu.demo.anatomy import EXTENT, Anatomy, Points, brain_points, new_anatomy, tissues
from voxgpu.demo.lesion import Lesion, lesion_layers, new_lesion
from voxgpu.demo.noise import Axes, Floats, SmoothNoise, smooth_noise
from voxgpu.frozen import frozen
from voxgpu.image import Grid, Image

#: Labels of the ground truth, as in BraTS; the whole tumor is everything but background.
BACKGROUND, NECROSIS, EDEMA, ENHANCING = 0, 1, 2, 4

#: Mean intensity of every tissue in each sequence; later ones cover earlier ones.
CONTRASTS = {
    "flair": {
        "white": 185, "grey": 238, "nuclei": 222, "cerebellum": 218, "fluid": 62, "vessels": 95,
        "edema": 425, "enhancing": 385, "necrosis": 310,
    },
    "t1": {
        "white": 430, "grey": 325, "nuclei": 355, "cerebellum": 345, "fluid": 150, "vessels": 170,
        "edema": 285, "enhancing": 265, "necrosis": 215,
    },
    "t1ce": {
        "white": 405, "grey": 325, "nuclei": 350, "cerebellum": 345, "fluid": 165, "vessels": 900,
        "edema": 290, "enhancing": 680, "necrosis": 240,
    },
    "t2": {
        "white": 102, "grey": 148, "nuclei": 125, "cerebellum": 142, "fluid": 370, "vessels": 120,
        "edema": 245, "enhancing": 180, "necrosis": 290,
    },
}  # fmt: skip

#: Standard deviation of the noise of each channel of the receiver.
RECEIVER_NOISE = {"flair": 11.0, "t1": 10.0, "t1ce": 11.0, "t2": 6.0}

#: Voxel planes computed at a time, so that intermediate results stay in the processor's cache.
SLAB = 8


@frozen(slots=True)
class Phantom:
    """A synthetic case: four sequences and the ground truth of the tumor, all on one grid.

    flair, t1, t1ce, t2  int16, (z, y, x), 0 outside of the brain and at least 1 inside
    truth                uint8, (z, y, x): 0 background, 1 necrotic core, 2 edema, 4 enhancing rim
    """

    grid: Grid
    flair: Image
    t1: Image
    t1ce: Image
    t2: Image
    truth: Image


def make_phantom(
    shape: tuple[int, int, int] = (155, 240, 240), seed: int = 0, spacing_mm: float = 1.0
) -> Phantom:
    """Generate a head with a tumor of about 7 % of the brain.

    The brain fills the field of view: at the default shape and spacing it has natural size, at any
    other it scales with ``shape``, and the same seed gives the same head. Equal arguments give
    equal bytes. Needs memory for the result and a few slabs of planes.

    shape       voxels along (z, y, x), at least 12 along each
    seed        0 or more; determines anatomy, the tumor's position, size and outline, and the noise
    spacing_mm  mm between voxel centers, along every axis

    Raises ``ValueError`` if the shape is too small, the spacing not positive or the seed negative.
    """
    _check(shape, seed, spacing_mm)
    generator = np.random.Generator(np.random.PCG64(seed))
    anatomy = new_anatomy(generator)
    lesion = new_lesion(generator, anatomy)
    look = _new_look(generator)
    grid = _grid(shape, spacing_mm)
    truth = np.zeros(shape, np.uint8)
    sequences = {name: np.zeros(shape, np.int16) for name in CONTRASTS}
    for box, axes in _slabs(shape):
        points = brain_points(anatomy, axes)
        labels, coverings = _compose(anatomy, lesion, axes, points)
        truth[box][points.inside] = labels
        texture = look.texture.on(axes)[points.inside]
        for name, voxels in sequences.items():
            shading = 1 + look.bias[name].on(axes)[points.inside]
            signal = _mix(CONTRASTS[name], coverings) * (1 + np.float32(0.035) * texture)
            noisy = _receive(signal * shading, RECEIVER_NOISE[name], generator)
            voxels[box][points.inside] = noisy
    images = {name: Image(voxels, grid) for name, voxels in sequences.items()}
    return Phantom(grid=grid, truth=Image(truth, grid), **images)


def natural_spacing(shape: tuple[int, int, int]) -> float:
    """The spacing, in mm, at which a phantom of this shape, (z, y, x), is as large as a real head.

    About 1 at the default shape. Programs that measure in mm need it: with 1 mm voxels a head of 64
    voxels is that of a mouse.
    """
    # One voxel at every face stays background.
    return max(extent / (count - 3) for extent, count in zip(EXTENT, shape, strict=True))


def write_phantom(
    phantom: Phantom, prefix: str, write: Callable[[Path, Image], object] | None = None
) -> tuple[Path, ...]:
    """Write ``PREFIX_flair.nii.gz``, ``_t1``, ``_t1ce``, ``_t2`` and ``_seg``; returns the paths.

    ``write`` saves one image at a path; by default the package's own writer, whose errors it
    raises.
    """
    if write is None:
        from voxgpu.files.write import write_image

        write = write_image
    images = {
        "flair": phantom.flair,
        "t1": phantom.t1,
        "t1ce": phantom.t1ce,
        "t2": phantom.t2,
        "seg": phantom.truth,
    }
    paths = {name: Path(f"{prefix}_{name}.nii.gz") for name in images}
    for name, image in images.items():
        write(paths[name], image)
    return tuple(paths.values())


@frozen
class _Look:
    """The scan-dependent variation: texture of the tissue, shading of each sequence."""

    texture: SmoothNoise
    bias: dict[str, SmoothNoise]


def _new_look(generator: np.random.Generator) -> _Look:
    """Draw a random scan. The coil's sensitivity varies by about ±12 % over the head."""
    texture = smooth_noise(generator, 4.0)
    bias = {}
    for name in CONTRASTS:
        field = smooth_noise(generator, 70.0)
        bias[name] = SmoothNoise(np.clip(field.values * 0.1, -0.15, 0.15), field.step)
    return _Look(texture, bias)


def _compose(
    anatomy: Anatomy, lesion: Lesion, axes: Axes, points: Points
) -> tuple[npt.NDArray[np.uint8], dict[str, Floats]]:
    """The ground truth, and the fraction (0 to 1) of each point that every tissue covers."""
    parts = tissues(anatomy, axes, points)
    layers = lesion_layers(lesion, axes, points, parts)
    whole = layers.whole
    blur = np.float32(1 / max(float(axes.x[1] - axes.x[0]) * 1.3, 1.0))
    coverings = {
        name: np.clip(0.5 + depth * blur, 0, 1)
        for name, depth in (
            ("grey", parts.grey),
            # Their borders are blurred.
            ("nuclei", np.float32(0.5) * parts.nuclei),
            ("cerebellum", parts.cerebellum),
            ("edema", whole),
            ("fluid", parts.fluid),
            ("vessels", parts.vessels),
            ("enhancing", layers.rim),
            ("necrosis", layers.core),
        )
    }
    coverings["edema"] *= layers.water
    labels = np.where(whole > 0, EDEMA, BACKGROUND).astype(np.uint8)
    labels[layers.rim > 0] = ENHANCING
    labels[layers.core > 0] = NECROSIS
    return labels, coverings


def _mix(contrast: dict[str, int], coverings: dict[str, Floats]) -> Floats:
    """The signal without noise: tissues layered over one another, white matter below all."""
    first = next(iter(coverings.values()))
    signal = np.full(first.shape, contrast["white"], np.float32)
    for name, covering in coverings.items():
        signal += covering * (np.float32(contrast[name]) - signal)
    return signal


def _receive(
    signal: Floats, deviation: float, generator: np.random.Generator
) -> npt.NDArray[np.int16]:
    """The magnitude of a signal with noise in both channels (Rician), as integers."""
    real, imaginary = generator.standard_normal((2, signal.size), dtype=np.float32)
    real *= np.float32(deviation)
    real += signal
    imaginary *= np.float32(deviation)
    magnitude = np.sqrt(real * real + imaginary * imaginary)
    stored: npt.NDArray[np.int16] = np.clip(np.rint(magnitude), 1, 32767).astype(np.int16)
    return stored


def _slabs(shape: tuple[int, int, int]) -> Iterator[tuple[tuple[slice, ...], Axes]]:
    """Split the box around the brain into slabs of planes: voxel ranges and coordinates."""
    size = natural_spacing(shape)
    ranges, vectors = [], []
    for extent, count in zip(EXTENT, shape, strict=True):
        places = (np.arange(count) - (count - 1) / 2) * size
        kept = np.flatnonzero(np.abs(places) <= extent / 2)
        ranges.append(slice(int(kept[0]), int(kept[-1]) + 1))
        vectors.append(places[kept].astype(np.float32))
    for start in range(0, vectors[0].size, SLAB):
        planes = vectors[0][start : start + SLAB]
        first = ranges[0].start + start
        box = (slice(first, first + planes.size), ranges[1], ranges[2])
        yield box, Axes(planes, vectors[1], vectors[2])


def _grid(shape: tuple[int, int, int], spacing_mm: float) -> Grid:
    """The grid of the BraTS cases: axis-aligned, the last voxel along y at y = 0 mm."""
    spacing = float(spacing_mm)
    origin = (0.0, -(shape[1] - 1) * spacing, 0.0)
    return replace(Grid.regular(shape, (spacing,) * 3), origin=origin)


def _check(shape: tuple[int, ...], seed: int, spacing_mm: float) -> None:
    """Raise ValueError for arguments that no head can be generated from."""
    if len(shape) != 3 or min(shape) < 12:
        raise ValueError(f"a phantom needs three axes of at least 12 voxels, not {shape}")
    if not 0 < spacing_mm < float("inf"):
        raise ValueError(f"the spacing must be a positive number of mm, not {spacing_mm}")
    if seed < 0:
        raise ValueError(f"the seed must be 0 or more, not {seed}")
