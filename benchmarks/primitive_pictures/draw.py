"""The picture of an example: what was given and the result, side by side."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image as Drawing

from benchmarks.primitive_pictures.run import Outcome, is_region, shown_slice
from voxgpu.image import Image
from voxgpu.report.montage import Outline, montage
from voxgpu.report.montage_layout import Picture
from voxgpu.report.montage_regions import labels_of
from voxgpu.report.region_colors import MORE_COLORS

#: The longer edge of an image, in pixels.
SIZE = 250

#: Opacity of regions within their outlines.
FILL = 0.4

#: Images are drawn in the same grays if their ranges of values share this part.
SHARED = 0.5

#: Labels up to which each gets a color of its own.
MOST_LABELS = 4

Window = tuple[float, float]


@dataclass(frozen=True)
class Panel:
    """An image, and the regions on it.

    window  the values shown as black and as white
    fill    opacity of the regions
    """

    image: Image
    title: str
    regions: tuple[Outline, ...] = ()
    window: Window = (0.0, 1.0)
    fill: float = FILL

    @property
    def is_gray(self) -> bool:
        return self.image.channels == 1


def draw(outcome: Outcome, name: str) -> bytes:
    """A PNG file. ``name`` is that of the background."""
    plane, place = shown_slice(outcome)
    pictures = [
        _picture(each, outcome.background, plane, place) for each in panels_of(outcome, name)
    ]
    return _png(_side_by_side(pictures))


def panels_of(outcome: Outcome, name: str) -> list[Panel]:
    """The background with the given regions, other given images, and the results."""
    background = outcome.background
    given = _regions(outcome.regions)
    others = {x: image for x, image in outcome.given.items() if x not in outcome.regions}
    # In the colors after those of the given regions.
    found = _regions(
        {x: image for x, image in outcome.results.items() if _is_mask_on(image, background)},
        len(given),
    )
    shown = [Panel(background, name, given)]
    shown += [_values(image, x, given) for x, image in others.items()]
    if found:
        shown.append(Panel(background, "", found))
    for x, image in outcome.results.items():
        labels = labels_of(image) if image.array.dtype == np.int32 else []
        if image.grid.agrees_with(background.grid) and 1 < len(labels) <= MOST_LABELS:
            parts = {str(each): Image(image.array == each, image.grid) for each in labels}
            shown.append(Panel(background, x, _regions(parts)))
        elif not _is_mask_on(image, background):
            shown.append(_values(image, x, given))
    return _with_windows(shown)


def _is_mask_on(image: Image, background: Image) -> bool:
    return is_region(image) and image.grid.agrees_with(background.grid)


def _regions(masks: dict[str, Image], first: int = 0) -> tuple[Outline, ...]:
    return tuple(
        Outline(name, mask, MORE_COLORS[number % len(MORE_COLORS)])
        for number, (name, mask) in enumerate(masks.items(), first)
    )


def _values(image: Image, name: str, given: tuple[Outline, ...]) -> Panel:
    """An image of numbers or colors, with given regions as outlines, or a region by itself."""
    if is_region(image):
        image = Image(image.array.astype(np.uint8), image.grid)
    outlines = tuple(
        replace(each, name="") for each in given if each.mask.grid.agrees_with(image.grid)
    )
    return Panel(image, name, outlines, fill=0.0)


def _with_windows(panels: list[Panel]) -> list[Panel]:
    """The panels with their grays: the same for all images whose values are like the first's."""
    windows = [_window_of(each.image) for each in panels]
    alike = [
        window
        for window, each in zip(windows, panels, strict=True)
        if each.is_gray and _shared(window, windows[0]) >= SHARED
    ]
    if alike:
        union = min(low for low, _ in alike), max(high for _, high in alike)
        windows = [union if each in alike else each for each in windows]
    says_values = any(not each.fill for each in panels)
    return [
        replace(each, window=window, title=_title(each, window) if says_values else each.title)
        for each, window in zip(panels, windows, strict=True)
    ]


def _title(panel: Panel, window: Window) -> str:
    if not panel.is_gray or (panel.fill and not panel.title):
        return panel.title
    low, high = (f"{x + 0.0:.3g}" if abs(x) < 1000 else f"{x:.0f}" for x in window)
    return f"{panel.title}  {low} … {high}"


def _window_of(image: Image) -> Window:
    """The values shown as black and as white: nearly all of them; of labels all."""
    values = image.array[np.isfinite(image.array)].astype(float)
    ends = (0.0, 100.0) if labels_of(image) else (0.5, 99.8)
    low, high = (float(x) for x in np.percentile(values, ends)) if values.size else (0.0, 0.0)
    return (round(low, 6), high) if high > low else (low - 1, low)


def _shared(a: Window, b: Window) -> float:
    """The part of the values of two ranges that both have."""
    union = max(a[1], b[1]) - min(a[0], b[0])
    return max(min(a[1], b[1]) - max(a[0], b[0]), 0.0) / union


def _picture(panel: Panel, background: Image, plane: str, place: int) -> Picture:
    image, other = panel.image, background.grid
    slices = None
    if image.grid.dimensions == 3:
        image = _in_blocks(image, other.spacing)
        axis = 0 if plane == "axial" else 1
        # The slice at the same place, where grids differ; origins are (x, y, z).
        position = other.origin[2 - axis] + place * other.spacing[axis]
        index = round((position - image.grid.origin[2 - axis]) / image.grid.spacing[axis])
        slices = [min(max(index, 0), image.grid.shape[axis] - 1)]
    return montage(
        image,
        panel.regions,
        title=panel.title,
        columns=1,
        rows=1,
        plane=plane,
        slices=slices,
        tile_pixels=SIZE,
        fill=panel.fill,
        window=panel.window,
        in_color=True,
        whole=True,
    )


def _in_blocks(image: Image, spacing: tuple[float, ...]) -> Image:
    """The image with every voxel repeated, so that large ones are drawn as they are."""
    times = round(image.grid.spacing[0] / spacing[0]) * 4
    if times < 8:
        return image
    voxels = image.array
    for axis in range(3):
        voxels = voxels.repeat(times, axis)
    small = tuple(each / times for each in image.grid.spacing)
    # The corner of the first voxel stays where it is.
    origin = tuple(
        start - each / 2 + one / 2
        for start, each, one in zip(
            image.grid.origin, reversed(image.grid.spacing), reversed(small), strict=True
        )
    )
    return Image(voxels, replace(image.grid, shape=voxels.shape, spacing=small, origin=origin))


def _side_by_side(pictures: list[Picture]) -> Picture:
    height = max(len(each) for each in pictures)
    padded = [np.pad(each, ((0, height - len(each)), (0, 0), (0, 0))) for each in pictures]
    page: npt.NDArray[np.uint8] = np.concatenate(padded, axis=1)
    return page


def _png(page: Picture) -> bytes:
    file = io.BytesIO()
    colors = Drawing.fromarray(page).quantize(
        128, Drawing.Quantize.MAXCOVERAGE, dither=Drawing.Dither.NONE
    )
    colors.save(file, "PNG", optimize=True)
    return file.getvalue()
