"""Montages: axial slices of an image with the outlines of regions drawn on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.frozen import frozen
from voxgpu.image import Image
from voxgpu.report.montage_layout import Picture, arrange
from voxgpu.report.orientation import radiological
from voxgpu.temporary_files import whole_file

Mask = npt.NDArray[np.bool_]

#: Margin shown around the head, in mm.
MARGIN = 6.0


@frozen
class Outline:
    """A region to be drawn as an outline.

    name   its name in the legend
    mask   on the grid of the background; every voxel that is not 0 belongs to the region
    color  red, green, blue, 0 to 255 each
    """

    name: str
    mask: Image
    color: tuple[int, int, int]


@frozen
class _Scene:
    """Background and masks, reoriented for display: axes (slice, down, right)."""

    background: npt.NDArray[Any]
    masks: tuple[Mask, ...]
    spacing: tuple[float, ...]
    flipped: bool


@frozen
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
    """Draw axial slices, spread evenly through the outlined regions, with the outlines.

    Slices go from the feet upward and are labeled with their index in the background's array. The
    front of the patient is up, the patient's left is at the right; ``R`` and ``L`` mark the sides.
    Grey values range from the 1st to the 99.5th percentile of the voxels that are not 0. Tiles show
    the part that is not 0, in true proportions; a 2-D image gives one tile. If no region has a
    voxel, slices are spread through the part of the background that is not 0.

    background   an image of numbers, (z, y, x) or (y, x), or of colors, shown as grey values
    outlines     regions; the first is drawn just outside of its border, the second just inside of
                 its own, and so on in turn, so that both are visible where they agree
    tile_pixels  the longer edge of a tile, at least 32

    Returns the picture, (height, width, 3). Raises ``ValueError`` if a mask is on another grid than
    the background or a size is invalid.
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
    """Save a picture, (height, width, 3), as PNG, atomically.

    Missing folders are created. Raises ``OSError`` if the disk does not take the file.
    """
    from PIL import Image as Drawing

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary, temporary.open("wb") as file:
        Drawing.fromarray(picture).save(file, "PNG", optimize=True)


def _check(
    background: Image, outlines: Sequence[Outline], columns: int, rows: int, tile_pixels: int
) -> None:
    """Raise ValueError for arguments that no picture can be drawn from."""
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
    """Reorient everything for display; a 2-D image becomes a single slice."""
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
    """The middle slices of ``count`` equal parts of the range with something to show."""
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
    """The smallest rectangle around all voxels that are not 0, with a margin, and its tile size."""
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
    # A single grey value is shown as white, even if it is too large for 1 to change it.
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
    # Halves, since the difference of two numbers may overflow.
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
    """The region dilated by two pixels."""
    result = region.copy()
    for down in range(-2, 3):
        for right in range(-2, 3):
            if down * down + right * right <= 4:
                result |= _moved(region, down, right)
    return result


def _moved(region: Mask, down: int, right: int) -> Mask:
    """The region shifted by some pixels, with zeros entering at the edge."""
    height, width = region.shape
    result = np.zeros_like(region)
    source = region[max(-down, 0) : height - max(down, 0), max(-right, 0) : width - max(right, 0)]
    top, left = max(down, 0), max(right, 0)
    result[top : top + source.shape[0], left : left + source.shape[1]] = source
    return result
