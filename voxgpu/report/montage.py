"""How are regions shown to people? As outlines on slices of the image they were found in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.image import Image
from voxgpu.report.montage_layout import Picture, arrange
from voxgpu.report.orientation import radiological
from voxgpu.temporary_files import new_file

Mask = npt.NDArray[np.bool_]

#: Mm around the head that are shown as well.
MARGIN = 6.0


@dataclass(frozen=True)
class Outline:
    """A region to be drawn by its outline.

    name   what the legend calls it
    mask   on the grid of the background; every voxel that is not 0 belongs to the region
    color  red, green, blue, 0 to 255 each
    """

    name: str
    mask: Image
    color: tuple[int, int, int]


@dataclass(frozen=True)
class _Scene:
    """What is to be drawn, turned for display: background and masks along (slice, down, right)."""

    background: npt.NDArray[Any]
    masks: tuple[Mask, ...]
    spacing: tuple[float, ...]
    flipped: bool


@dataclass(frozen=True)
class _Frame:
    """The part of every slice that is shown, and the size of its tile in pixels."""

    rows: slice
    columns: slice
    height: int
    width: int


def montage(
    background: Image,
    outlines: Sequence[Outline],
    *,
    title: str = "",
    columns: int = 4,
    rows: int = 3,
    tile_pixels: int = 256,
) -> Picture:
    """Axial slices, evenly through the outlined regions, with the outlines drawn on them.

    Slices go from the feet upward and carry the index that they have in the background's array.
    The front of the patient is up, the patient's left is at the right; ``R`` and ``L`` say so.
    Grey values reach from the 1st to the 99.5th percentile of the voxels that are not 0. Tiles
    show the part that is not 0, in true proportions; a 2-D image makes one tile. Where no region
    has a voxel, slices go evenly through the part of the background that is not 0.

    background   an image of numbers, (z, y, x) or (y, x), or of colors, shown as grey values
    outlines     regions; the first is drawn just outside of its border, the second just inside of
                 its own, and so on in turn, so that both are seen where they agree
    tile_pixels  the longer edge of a tile, at least 32

    Returns the picture, (height, width, 3). Raises ``ValueError`` where a mask is on another grid
    than the background or a size makes no sense.
    """
    _check(background, outlines, columns, rows, tile_pixels)
    scene = _scene(background, outlines)
    chosen = _chosen_slices(scene, columns * rows)
    frame = _frame(scene, tile_pixels)
    low, high = _window(scene.background)
    tiles = []
    for index in chosen:
        tile = _grey_tile(scene.background[index], frame, low, high)
        for turn, (outline, mask) in enumerate(zip(outlines, scene.masks, strict=True)):
            _draw_outline(tile, mask[index], frame, outline.color, outside=turn % 2 == 0)
        tiles.append(tile)
    last = len(scene.background) - 1
    labels = [str(last - index if scene.flipped else index) for index in chosen]
    if background.grid.dimensions == 2:
        labels = []
    legend = [(outline.name, outline.color) for outline in outlines]
    font_size = max(tile_pixels // 14, 11)
    return arrange(tiles, labels, min(columns, len(tiles)), title, legend, font_size)


def write_montage(path: Path, picture: Picture) -> None:
    """Save a picture, (height, width, 3), as PNG, under its name only when it is complete.

    Folders are made where they are missing. Raises ``OSError`` where the disk does not take it.
    """
    from PIL import Image as Drawing

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = new_file(path.parent, path.name)
    try:
        with unfinished.path.open("wb") as file:
            Drawing.fromarray(picture).save(file, "PNG", optimize=True)
        unfinished.become(path)
    finally:
        unfinished.remove()


def _check(
    background: Image, outlines: Sequence[Outline], columns: int, rows: int, tile_pixels: int
) -> None:
    """Refuse what no picture can be made of."""
    if columns < 1 or rows < 1 or tile_pixels < 32:
        raise ValueError(
            f"a montage needs a column, a row and tiles of at least 32 pixels, not {columns}, "
            f"{rows} and {tile_pixels}"
        )
    for outline in outlines:
        if not outline.mask.grid.agrees_with(background.grid):
            raise ValueError(
                f"the outline `{outline.name}` is on another grid than the background: "
                f"{outline.mask.grid}; the background has {background.grid}"
            )
        if outline.mask.channels > 1:
            raise ValueError(f"the outline `{outline.name}` is an image of colors, not a region")


def _scene(background: Image, outlines: Sequence[Outline]) -> _Scene:
    """Turn everything for display; a 2-D image becomes a single slice."""
    orientation = radiological(background.grid)
    voxels = background.array
    if background.channels > 1:
        voxels = voxels[..., :3] @ np.array([0.2126, 0.7152, 0.0722])
    arrays = [orientation.turned(voxels)]
    arrays += [orientation.turned(outline.mask.array != 0) for outline in outlines]
    if background.grid.dimensions == 2:
        arrays = [array[None] for array in arrays]
    return _Scene(arrays[0], tuple(arrays[1:]), orientation.spacing[-2:], orientation.flipped[0])


def _chosen_slices(scene: _Scene, count: int) -> list[int]:
    """Slices in the middle of ``count`` equal parts of the range that has something to show."""
    used = np.zeros(len(scene.background), bool)
    for mask in scene.masks:
        used |= mask.any(axis=(1, 2))
    if not used.any():
        used = (scene.background != 0).any(axis=(1, 2))
    if not used.any():
        used[:] = True
    places = np.flatnonzero(used)
    first, length = int(places[0]), int(places[-1] - places[0]) + 1
    count = min(count, length)
    return [first + int((part + 0.5) * length / count) for part in range(count)]


def _frame(scene: _Scene, tile_pixels: int) -> _Frame:
    """The smallest rectangle that holds all that is not 0, with a margin, and its tile's size."""
    shown = (scene.background != 0).any(axis=0)
    for mask in scene.masks:
        shown |= mask.any(axis=0)
    if not shown.any():
        shown[:] = True
    ranges, lengths = [], []
    for axis, spacing in enumerate(scene.spacing):
        places = np.flatnonzero(shown.any(axis=1 - axis))
        margin = round(MARGIN / spacing)
        start = max(int(places[0]) - margin, 0)
        stop = min(int(places[-1]) + 1 + margin, shown.shape[axis])
        ranges.append(slice(start, stop))
        lengths.append((stop - start) * spacing)
    height, width = (max(round(tile_pixels * length / max(lengths)), 1) for length in lengths)
    return _Frame(ranges[0], ranges[1], height, width)


def _window(background: npt.NDArray[Any]) -> tuple[float, float]:
    """The grey values shown as black and as white."""
    values = background[(background != 0) & np.isfinite(background)]
    if values.size == 0:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(values, (1, 99.5)))
    # A single grey value is shown as white, also one from which 1 makes no difference.
    return (low, high) if high > low else (low - max(1.0, abs(low) * 2**-40), low)


def _grey_tile(plane: npt.NDArray[Any], frame: _Frame, low: float, high: float) -> Picture:
    """One slice, interpolated linearly to the size of its tile."""
    values = np.nan_to_num(plane[frame.rows, frame.columns].astype(float), posinf=high, neginf=low)
    for axis, pixels in enumerate((frame.height, frame.width)):
        size = values.shape[axis]
        places = np.clip((np.arange(pixels) + 0.5) * size / pixels - 0.5, 0, size - 1)
        below = np.minimum(places.astype(int), max(size - 2, 0))
        share = (places - below).reshape((-1, 1) if axis == 0 else (1, -1))
        above = np.minimum(below + 1, size - 1)
        values = values.take(below, axis) * (1 - share) + values.take(above, axis) * share
    # Halves, as the difference of two numbers may be too large for one.
    grey = np.clip((values / 2 - low / 2) / (high / 2 - low / 2), 0, 1) * 255
    return np.repeat(np.rint(grey).astype(np.uint8)[:, :, None], 3, axis=2)


def _draw_outline(
    tile: Picture, plane: Mask, frame: _Frame, color: tuple[int, int, int], outside: bool
) -> None:
    """Color the pixels along the border of a region, two pixels wide, in place."""
    region = plane[frame.rows, frame.columns]
    for axis, pixels in enumerate((frame.height, frame.width)):
        size = region.shape[axis]
        region = region.take(((np.arange(pixels) + 0.5) * size / pixels).astype(int), axis)
    line = _grown(region) & ~region if outside else region & _grown(~region)
    tile[line] = color


def _grown(region: Mask) -> Mask:
    """The region and what is within two pixels of it."""
    result = region.copy()
    for down in range(-2, 3):
        for right in range(-2, 3):
            if down * down + right * right <= 4:
                result |= _moved(region, down, right)
    return result


def _moved(region: Mask, down: int, right: int) -> Mask:
    """The region moved by some pixels, nothing entering from the edge."""
    height, width = region.shape
    result = np.zeros_like(region)
    source = region[max(-down, 0) : height - max(down, 0), max(-right, 0) : width - max(right, 0)]
    top, left = max(down, 0), max(right, 0)
    result[top : top + source.shape[0], left : left + source.shape[1]] = source
    return result
