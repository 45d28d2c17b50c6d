"""The images of the gallery: a synthetic head, and 2-D images drawn from formulas and seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy import ndimage

from voxgpu.demo.phantom import make_phantom, natural_spacing, write_phantom

#: Voxels of the head along (z, y, x).
HEAD = (72, 96, 84)

Array = npt.NDArray[Any]


def make_data(folder: Path) -> None:
    """Write every image that programs of the gallery load. Equal versions write equal voxels."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_head(folder)
    _write(folder / "ribbon.nii.gz", _ribbon(), 0.25)
    _write(folder / "weave.nii.gz", _weave())
    _write(folder / "discs.nii.gz", _discs())
    _write(folder / "cells.nii.gz", _cells())
    _write(folder / "maze.png", _maze())
    skin, spot = _skin()
    _write(folder / "skin.png", skin)
    _write(folder / "skin_spot.png", spot)


def _write(path: Path, voxels: Array, spacing: float = 1.0) -> None:
    image = sitk.GetImageFromArray(voxels, isVector=voxels.ndim == 3)
    image.SetSpacing((spacing, spacing))
    sitk.WriteImage(image, str(path))


def _write_head(folder: Path) -> None:
    """The phantom, and its FLAIR image with small lesions, some of them beside the ventricles."""
    head = make_phantom(HEAD, 3, natural_spacing(HEAD))
    write_phantom(head, str(folder / "head"))
    brain = head.flair.array > 0
    depth = ndimage.distance_transform_edt(brain, head.grid.spacing)
    ventricles = _largest(ndimage.binary_opening((head.t2.array > 250) & (depth > 15)))
    away = ndimage.distance_transform_edt(~ventricles, head.grid.spacing)
    tumor = ndimage.distance_transform_edt(head.truth.array == 0, head.grid.spacing)
    white = (head.t1.array > 385) & (depth > 15) & (tumor > 14)
    generator = np.random.default_rng(5)
    taken = np.zeros(HEAD, bool)
    flair = head.flair.array.copy()
    beside, far = white & (away > 4) & (away < 5.5), white & (away > 17)
    for places, count, radius in ((beside, 4, 5.0), (far, 5, 4.5)):
        for _ in range(count):
            where = np.argwhere(places & ~taken)
            center = where[generator.integers(len(where))]
            distance = np.sqrt(_squares(HEAD, center)) * head.grid.spacing[0]
            lesion = (distance < radius) & ~ventricles & brain
            flair[lesion] = np.rint(generator.normal(420, 11, int(lesion.sum())))
            taken |= distance < 4 * radius
    image = sitk.ReadImage(str(folder / "head_flair.nii.gz"))
    with_lesions = sitk.GetImageFromArray(flair)
    with_lesions.CopyInformation(image)
    sitk.WriteImage(with_lesions, str(folder / "lesions_flair.nii.gz"))


def _largest(region: Array) -> Array:
    labels, _ = ndimage.label(region)
    largest: Array = labels == np.bincount(labels[region]).argmax()
    return largest


def _squares(shape: tuple[int, ...], center: Array) -> Array:
    """The squared distance of every voxel from a voxel, in voxels."""
    total: Array = np.zeros(shape)
    for axis, at in zip(np.indices(shape, sparse=True), center, strict=True):
        total = total + (axis - at) ** 2
    return total


def _plane(size: int) -> tuple[Array, Array]:
    """Row and column of every pixel of a square, from its middle."""
    rows, columns = np.indices((size, size)) - (size - 1) / 2
    return rows, columns


def _ribbon() -> Array:
    """A folded ribbon around a core: 2 the core, 1 the ribbon, 2 mm to 4 mm wide, 0 outside."""
    rows, columns = _plane(280)
    angle = np.arctan2(rows, columns)
    radius = np.hypot(rows, columns) * 0.25
    inner = 19 + 3 * np.sin(5 * angle)
    # The slope of the fold makes the ribbon thinner than it is along the radius.
    slope = 15 * np.cos(5 * angle) / inner
    outer = inner + (3 + np.cos(angle)) * np.sqrt(1 + slope**2)
    return np.where(radius < inner, 2, np.where(radius < outer, 1, 0)).astype(np.uint8)


def _weave() -> Array:
    """Plain noise with three patches that have the same mean, woven of dark and bright."""
    generator = np.random.default_rng(2)
    rows, columns = _plane(160)
    plain = generator.normal(128, 18, (160, 160))
    woven = 128 + 60 * np.sign(np.sin(rows * 1.3) * np.sin(columns * 1.3))
    woven += generator.normal(0, 12, (160, 160))
    patches = np.zeros((160, 160), bool)
    for row, column, size in ((-35, -35, 22), (30, 15, 30), (-40, 40, 15)):
        patches |= np.hypot(rows - row, (columns - column) * 0.8) < size
    return np.clip(np.where(patches, woven, plain), 0, 255).astype(np.uint8)


def _discs() -> Array:
    """A large disc, 1, and what lies inside (2), at its edge (4), across it (8) and beside it."""
    rows, columns = _plane(160)
    label = np.zeros((160, 160), np.uint8)
    label += np.uint8(1) * (np.hypot(rows, columns) < 45)
    parts = ((0, -12, 12), (25, 13, 16), (-45, 12, 14), (24, -59, 18), (-60, -60, 12))
    for bit, (row, column, size) in enumerate(parts, 1):
        disc = np.hypot(rows - row, columns - column) < size
        if bit == 4:  # it touches the large disc and shares nothing with it
            disc &= np.hypot(rows, columns) >= 45
        label += np.uint8(2**bit) * disc
    return label


def _cells() -> Array:
    """Bright round cells, many of which touch, in a blurred noisy image."""
    generator = np.random.default_rng(11)
    rows, columns = _plane(200)
    cells = np.zeros((200, 200))
    centers: list[tuple[float, float]] = []
    while len(centers) < 34:
        row, column = generator.uniform(-84, 84, 2)
        if all(np.hypot(row - r, column - c) > 18 for r, c in centers):
            centers.append((row, column))
            size = generator.uniform(9.5, 11.5)
            cells = np.maximum(cells, np.hypot(rows - row, columns - column) < size)
    blurred = ndimage.gaussian_filter(cells * 150, 1.2)
    return np.clip(blurred + generator.normal(40, 10, cells.shape), 0, 255).astype(np.uint8)


def _maze() -> Array:
    """A maze in colors: green the start, red the exits; a wall closes one exit off."""
    generator = np.random.default_rng(4)
    count, cell = 15, 10
    passable = np.zeros((2 * count + 1, 2 * count + 1), bool)
    path = [(1, 1)]
    passable[1, 1] = True
    while path:
        row, column = path[-1]
        steps = ((0, 2), (0, -2), (2, 0), (-2, 0))
        options = [
            (row + down, column + right, row + down // 2, column + right // 2)
            for down, right in steps
            if 0 < row + down < 2 * count
            and 0 < column + right < 2 * count
            and not passable[row + down, column + right]
        ]
        if not options:
            path.pop()
            continue
        row, column, wall_row, wall_column = options[generator.integers(len(options))]
        passable[row, column] = passable[wall_row, wall_column] = True
        path.append((row, column))
    # Closing a passage at one place parts the corridors in two, as there is one way to any place.
    parts = []
    for row, column in np.argwhere(passable)[20:-20]:
        passable[row, column] = False
        labels, found = ndimage.label(passable)
        start, end = labels[1, 1], labels[-2, -2]
        if found == 2 and start == labels[1, -2] and start != end:
            parts.append((abs(int((labels == start).sum()) * 3 - passable.sum() * 2), row, column))
        passable[row, column] = True
    _, row, column = min(parts)
    passable[row, column] = False
    colors = np.where(passable[..., None], 255, 40).astype(np.uint8).repeat(3, axis=2)
    colors[1, 1] = (0, 170, 0)
    colors[1, -2] = colors[-2, -2] = (220, 0, 0)
    return colors.repeat(cell, axis=0).repeat(cell, axis=1)


def _skin() -> tuple[Array, Array]:
    """Skin with a brown spot and hairs, in colors, and where the spot is."""
    generator = np.random.default_rng(8)
    rows, columns = _plane(240)
    angle = np.arctan2(rows - 6, columns + 8)
    edge = 62 + 9 * np.sin(2 * angle + 1) + 6 * np.sin(5 * angle) + 3 * np.sin(9 * angle + 2)
    inside = np.hypot(rows - 6, columns + 8) - edge
    share = np.clip(0.5 - inside / 8, 0, 1)[..., None]
    mottled = ndimage.gaussian_filter(generator.normal(0, 1, inside.shape), 5)[..., None] * 90
    skin = np.array([226, 178, 154.0]) * (1 - share) + (np.array([122, 74, 52.0]) + mottled) * share
    skin *= 1 - 0.16 * (np.hypot(rows, columns)[..., None] / 170) ** 2
    for _ in range(11):
        start, slope, bend = generator.uniform((-130, -0.8, -0.002), (130, 0.8, 0.002))
        hair = np.abs(rows - start - slope * columns - bend * columns**2) < 1.2
        skin[hair] = (48, 36, 32)
    skin += generator.normal(0, 5, skin.shape)
    spot = np.where(inside < 0, 255, 0).astype(np.uint8)
    return np.clip(skin, 0, 255).astype(np.uint8), spot
