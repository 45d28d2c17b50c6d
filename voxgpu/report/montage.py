"""Montages: slices of an image with regions drawn on them, as outlines and transparent fills."""

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

#: The axes of the display (up, back, left) across the slices of each plane, down and right.
_AXES = {"axial": (0, 1, 2), "coronal": (1, 0, 2), "sagittal": (2, 0, 1)}

#: The sides of the patient at the left and right edge of each plane.
SIDES = {"axial": ("R", "L"), "coronal": ("R", "L"), "sagittal": ("A", "P")}

#: Pixels that the tiles of a picture may have.
MOST_PIXELS = 64_000_000

#: Values from which those shown as black and white are found.
_MOST_VALUES = 20_000_000


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
    """Background and masks, reoriented for display: axes (slice, down, right).

    colors  those of the background, with a last axis of channels; None: it is shown in grey
    """

    background: npt.NDArray[Any]
    masks: tuple[Mask, ...]
    spacing: tuple[float, ...]
    flipped: bool
    colors: npt.NDArray[Any] | None = None


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
    plane: str = "axial",
    slices: Sequence[int] | None = None,
    fill: float = 0.0,
    window: tuple[float, float] | None = None,
    in_color: bool = False,
    whole: bool = False,
) -> Picture:
    """Draw slices, spread evenly through the outlined regions, with the outlines.

    Axial slices go from the feet upward, coronal ones from the front backward, sagittal ones from
    the right to the left; they are labeled with their index in the background's array. In axial
    slices the front of the patient is up, in the others the head. The patient's left is at the
    right, in sagittal slices the back; letters mark the sides.
    Grey values range from the 1st to the 99.5th percentile of the voxels that are not 0. Tiles show
    the part that is not 0, in true proportions; a 2-D image gives one tile. If no region has a
    voxel, slices are spread through the part of the background that is not 0.

    background   an image of numbers, (z, y, x) or (y, x), or of colors, shown as grey values
    outlines     regions; the first is drawn just outside of its border, the second just inside of
                 its own, and so on in turn, so that both are visible where they agree
    tile_pixels  the longer edge of a tile, at least 32
    plane        ``axial``, ``coronal`` or ``sagittal``; of no effect in 2-D
    slices       the slices to draw, by their index in the array; None: ``columns * rows`` of them
    fill         opacity of regions within their outlines, 0 to 1
    window       the values shown as black and as white; None: the percentiles above
    in_color     show an image of colors in its colors
    whole        show all of every slice, so that images on one grid get tiles of one size

    Returns the picture, (height, width, 3). Raises ``ValueError`` if a mask is on another grid than
    the background, or a size or a slice is invalid.
    """
    _check(background, outlines, columns, rows, tile_pixels)
    scene = _scene(background, outlines, plane, in_color)
    last = len(scene.background) - 1
    if slices is None:
        chosen = _chosen_slices(scene, columns * rows)
    else:
        _check_slices(slices, last, tile_pixels)
        chosen = [last - index if scene.flipped else index for index in slices]
    frame = _frame(scene, tile_pixels, whole)
    low, high = window or _window(scene.background)
    tiles = []
    for index in chosen:
        tile = _tile(scene, index, frame, low, high)
        for turn, (outline, mask) in enumerate(zip(outlines, scene.masks, strict=True)):
            _draw_region(tile, mask[index], frame, outline.color, turn % 2 == 0, fill)
        tiles.append(tile)
    labels = [str(last - index if scene.flipped else index) for index in chosen]
    if background.grid.dimensions == 2:
        labels = []
    legend = [(outline.name, outline.color) for outline in outlines]
    font_size = max(tile_pixels // 14, 11)
    columns = min(columns, len(tiles))
    return arrange(tiles, labels, columns, title, legend, font_size, SIDES[plane])


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
    if columns * rows * tile_pixels**2 > MOST_PIXELS:
        raise ValueError(
            f"a montage of {columns}×{rows} tiles of {tile_pixels} pixels is too large"
        )
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


def _check_slices(slices: Sequence[int], last: int, tile_pixels: int) -> None:
    """Raise ValueError for slices that the background does not have, or too many of them."""
    for each in slices:
        if not 0 <= each <= last:
            raise ValueError(f"there is no slice {each}: there are slices 0 to {last}")
    if not slices or len(slices) * tile_pixels**2 > MOST_PIXELS:
        raise ValueError(f"a montage of {len(slices)} slices of {tile_pixels} pixels is impossible")


def _scene(
    background: Image, outlines: Sequence[Outline], plane: str, in_color: bool = False
) -> _Scene:
    """Reorient everything for display; a 2-D image becomes a single slice."""
    orientation = radiological(background.grid)
    if background.grid.dimensions == 2:
        spacing, is_flipped = orientation.spacing, False

        def turned(voxels: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return orientation.turned(voxels)[None]

    else:
        # Display axes are up, back and left: those across the slices, down and right come of them.
        across, down, right = _AXES[plane]
        spacing = orientation.spacing[down], orientation.spacing[right]
        is_flipped = orientation.flipped[across]

        def turned(voxels: npt.NDArray[Any]) -> npt.NDArray[Any]:
            seen = orientation.turned(voxels)
            seen = seen.transpose(across, down, right, *range(3, seen.ndim))
            return seen if down else seen[:, ::-1]

    voxels = background.array
    colors = turned(voxels) if in_color and background.channels > 1 else None
    if background.channels > 1:
        voxels = voxels[..., :3] @ np.array([0.2126, 0.7152, 0.0722])
    masks = tuple(turned(outline.mask.array != 0) for outline in outlines)
    return _Scene(turned(voxels), masks, spacing, is_flipped, colors)


def _chosen_slices(scene: _Scene, count: int) -> list[int]:
    """The middle slices of ``count`` equal parts of the range with something to show."""
    used = np.zeros(len(scene.background), bool)
    for mask in scene.masks:
        used |= mask.any(axis=(1, 2))
    if not used.any():
        used = np.asarray(_is_shown(scene.background).any(axis=(1, 2)))
    if not used.any():
        used[:] = True
    places = np.flatnonzero(used)
    first, length = int(places[0]), int(places[-1] - places[0]) + 1
    count = min(count, length)
    return [first + int((part + 0.5) * length / count) for part in range(count)]


def _is_shown(voxels: npt.NDArray[Any]) -> Mask:
    """Which voxels of a background are neither 0 nor NaN."""
    shown: Mask = voxels != 0
    return shown & ~np.isnan(voxels) if voxels.dtype.kind == "f" else shown


def _frame(scene: _Scene, tile_pixels: int, whole: bool) -> _Frame:
    """The smallest rectangle around all voxels that are not 0, with a margin, and its tile size."""
    shown = np.asarray(_is_shown(scene.background).any(axis=0))
    for mask in scene.masks:
        shown |= mask.any(axis=0)
    if whole or not shown.any():
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
    step = max(1, background.shape[-1] * background.shape[-2] * len(background) // _MOST_VALUES)
    some = background.reshape(-1)[::step] if step > 1 else background
    values = some[(some != 0) & np.isfinite(some)]
    if values.size == 0:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(values, (1, 99.5)))
    # A single grey value is shown as white, even if it is too large for 1 to change it.
    return (low, high) if high > low else (low - max(1.0, abs(low) * 2**-40), low)


def _tile(scene: _Scene, index: int, frame: _Frame, low: float, high: float) -> Picture:
    """One slice, interpolated linearly to the size of its tile."""
    if scene.colors is None:
        grey = _scaled(scene.background[index], frame, low, high)
        return np.repeat(grey[:, :, None], 3, axis=2)
    colors = scene.colors[index]
    top = 255.0 if colors.dtype == np.uint8 else max(high, 1e-300)
    channels = [_scaled(colors[..., channel], frame, 0.0, top) for channel in range(3)]
    return np.stack(channels, axis=2)


def _scaled(
    plane: npt.NDArray[Any], frame: _Frame, low: float, high: float
) -> npt.NDArray[np.uint8]:
    """A slice in the size of its tile, as bytes from ``low`` (0) to ``high`` (255)."""
    cut = plane[frame.rows, frame.columns]
    # Large slices are thinned out first: interpolation is not going to see more of them.
    down, right = cut.shape[0] // (2 * frame.height), cut.shape[1] // (2 * frame.width)
    cut = cut[:: max(1, down), :: max(1, right)]
    values = np.nan_to_num(cut.astype(float), nan=low, posinf=high, neginf=low)
    for axis, pixels in enumerate((frame.height, frame.width)):
        size = values.shape[axis]
        places = np.clip((np.arange(pixels) + 0.5) * size / pixels - 0.5, 0, size - 1)
        below = np.minimum(places.astype(int), max(size - 2, 0))
        part = (places - below).reshape((-1, 1) if axis == 0 else (1, -1))
        above = np.minimum(below + 1, size - 1)
        values = values.take(below, axis) * (1 - part) + values.take(above, axis) * part
    # Halves, since the difference of two numbers may overflow.
    share = np.clip((values / 2 - low / 2) / (high / 2 - low / 2), 0, 1)
    grey: npt.NDArray[np.uint8] = np.rint(share * 255).astype(np.uint8)
    return grey


def _draw_region(
    tile: Picture,
    plane: Mask,
    frame: _Frame,
    color: tuple[int, int, int],
    outside: bool,
    fill: float,
) -> None:
    """Color the pixels along the border of a region, two pixels wide, and tint it, in place."""
    region = plane[frame.rows, frame.columns]
    for axis, pixels in enumerate((frame.height, frame.width)):
        size = region.shape[axis]
        region = region.take(((np.arange(pixels) + 0.5) * size / pixels).astype(int), axis)
    line = _grown(region) & ~region if outside else region & _grown(~region)
    if fill:
        tile[region] = np.rint(tile[region] * (1 - fill) + np.array(color) * fill).astype(np.uint8)
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
