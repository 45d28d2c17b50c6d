"""Pictures of three planes through an image, with regions as layers that can be shown apart."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.frozen import frozen
from voxgpu.image import Image
from voxgpu.report.montage_regions import labels_of
from voxgpu.report.orientation import radiological
from voxgpu.report.region_colors import COLORS, MORE_COLORS

Voxels = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

#: Names of the planes across the display axes, and the letters of their left and right edges.
PLANES = (("axial", "R", "L"), ("coronal", "R", "L"), ("sagittal", "A", "P"))

#: Margin shown around what an image shows, in mm.
MARGIN = 5.0


@frozen
class Plane:
    """One plane: its pictures as data for ``src``, all of one size.

    name, left, right  what it shows, and the sides of the patient at its edges
    index              of the slice in the image's array, and how many there are
    picture            gray values or colors
    fill, outline      of the region, in color on nothing; empty if there is none
    """

    name: str
    left: str
    right: str
    index: int
    count: int
    width: int
    height: int
    picture: str
    fill: str = ""
    outline: str = ""


@frozen
class View:
    """An image turned for display: axes (up, back, left in the patient), one slice if 2-D."""

    voxels: Voxels
    spacing: tuple[float, float, float]
    flipped: tuple[bool, bool, bool]
    is_flat: bool


def view_of(image: Image) -> View:
    """The image along the axes of the display; channels stay last."""
    orientation = radiological(image.grid)
    voxels = orientation.turned(image.array)
    if image.grid.dimensions == 2:
        down, right = orientation.spacing
        return View(voxels[None], (1.0, down, right), (False, *orientation.flipped), True)  # type: ignore[arg-type]
    return View(voxels, orientation.spacing, orientation.flipped, False)  # type: ignore[arg-type]


def telling_slices(view: View, region: Voxels | None) -> tuple[int, int, int]:
    """For each axis of the display the slice with most of the region.

    Where a region fills whole slices, such as all of the image or all around a head, none of these
    tells more than others: then it is the slice in the middle of the region. Without a region, or
    with an empty one, it is the middle of what is brighter than the mean.
    """
    places = region != 0 if region is not None else None
    if places is None or not places.any():
        values = _gray(view.voxels)
        finite = np.isfinite(values)
        with np.errstate(over="ignore"):
            mean = float(values[finite].mean(dtype=np.float64)) if finite.any() else 0.0
        places = finite & (values > mean)
        sums = [places.sum(axis=_others(axis), dtype=np.int64) for axis in range(3)]
        return tuple(_middle(each) for each in sums)  # type: ignore[return-value]
    sums = [places.sum(axis=_others(axis), dtype=np.int64) for axis in range(3)]
    return tuple(  # type: ignore[return-value]
        _middle(each) if each.max() == places.size // places.shape[axis] else int(each.argmax())
        for axis, each in enumerate(sums)
    )


def _middle(counts: npt.NDArray[np.int64]) -> int:
    total = int(counts.sum())
    if not total:
        return len(counts) // 2
    return int(np.searchsorted(np.cumsum(counts), total / 2))


def _others(axis: int) -> tuple[int, ...]:
    return tuple(each for each in range(3) if each != axis)


def planes_of(
    background: Image, region: Image | None = None, pixels: int = 300, color: int = 0
) -> list[Plane]:
    """Three planes through an image, or the only one of a 2-D image.

    region  on the grid of the background: a mask, or labels, each in a color of its own; up to 12
            labels have the colors of ``voxgpu picture``
    pixels  the longest edge of a picture
    color   the number of the color of a mask
    """
    view = view_of(background)
    marks = _marks(region) if region is not None else None
    places = telling_slices(view, marks)
    low, high = window(view.voxels)
    frame = _frame(view, marks)
    extents = [
        (part.stop - part.start) * step for part, step in zip(frame, view.spacing, strict=True)
    ]
    scale = pixels / max(extents[1:] if view.is_flat else extents)
    planes = []
    for axis in range(1 if view.is_flat else 3):
        place = places[axis]
        rest = _others(axis)
        size = tuple(max(1, round(extents[each] * scale)) for each in rest)
        # The head is up in planes across the others: the first axis of the display goes upward.
        turn = slice(None, None, -1 if axis else 1)
        cut = tuple(frame[each] for each in rest)
        sheet = view.voxels.take(place, axis)[cut][turn]
        fill = outline = ""
        if marks is not None:
            fill, outline = _overlays(marks.take(place, axis)[cut][turn], size, color)
        last = view.voxels.shape[axis] - 1
        planes.append(
            Plane(
                *("plane", "", "") if view.is_flat else PLANES[axis],
                index=last - place if view.flipped[axis] else place,
                count=last + 1,
                width=size[1],
                height=size[0],
                picture=_encoded(gray_picture(sheet, low, high), size),
                fill=fill,
                outline=outline,
            )
        )
    return planes


def _marks(region: Image) -> Voxels:
    """A region turned for display; of up to 12 labels the place of each among them, from 1."""
    labels = labels_of(region)
    if len(labels) < 2:
        return view_of(region).voxels
    numbers = np.where(region.array == 0, 0, np.searchsorted(labels, region.array) + 1)
    return view_of(Image(numbers.astype(np.uint8), region.grid)).voxels


def _frame(view: View, marks: Voxels | None) -> tuple[slice, slice, slice]:
    """The part that does not have the surrounding value, with a margin, along each axis."""
    values = _gray(view.voxels)
    used = values != surrounding_value(values)
    if marks is not None:
        used |= marks != 0
    parts = []
    for axis in range(3):
        places = np.flatnonzero(used.any(axis=_others(axis)))
        size = used.shape[axis]
        margin = round(MARGIN / view.spacing[axis])
        start, stop = (int(places[0]), int(places[-1]) + 1) if places.size else (0, size)
        parts.append(slice(max(start - margin, 0), min(stop + margin, size)))
    return parts[0], parts[1], parts[2]


def thumbnail(background: Image, region: Image | None, pixels: int) -> bytes:
    """The axial plane as a WebP file, with the region filled; the longest edge has ``pixels``.

    Labels have the colors that ``planes_of`` gives them.
    """
    from PIL import Image as Drawing

    view = view_of(background)
    marks = _marks(region) if region is not None else None
    place = telling_slices(view, marks)[0]
    low, high = window(view.voxels[place])
    cut = _frame(view, marks)[1:]
    extents = [
        (part.stop - part.start) * step for part, step in zip(cut, view.spacing[1:], strict=True)
    ]
    size = tuple(max(1, round(each * pixels / max(extents))) for each in extents)
    drawn = Drawing.fromarray(gray_picture(view.voxels[place][cut], low, high)).convert("RGB")
    drawn = drawn.resize((size[1], size[0]), Drawing.Resampling.BILINEAR)
    if marks is not None:
        shades = np.asarray(drawn).copy()
        numbers = _scaled(marks[place][cut].astype(np.int64), size)
        here = numbers != 0
        line = here & ~_eroded(here)
        colors = np.array(MORE_COLORS, np.uint8)[(numbers - 1) % len(MORE_COLORS)]
        shades[here] = shades[here] // 2 + colors[here] // 2
        shades[line] = colors[line]
        drawn = Drawing.fromarray(shades)
    file = io.BytesIO()
    drawn.save(file, "WEBP", quality=70, method=4)
    return file.getvalue()


def window(voxels: Voxels) -> tuple[float, float]:
    """The values shown as black and as white: percentiles 1 and 99.5, without those around."""
    if voxels.dtype == bool:
        return 0.0, 1.0
    # Percentiles of some 200 000 voxels are those of all, to the eye.
    values = _gray(voxels)
    outside = surrounding_value(values)
    values = values.ravel()
    values = values[:: max(1, values.size // 200_000)]
    values = values[(values != outside) & np.isfinite(values)]
    if values.size == 0:
        return 0.0, 1.0
    low, high = (float(each) for each in np.percentile(values.astype(np.float64), (1, 99.5)))
    return (low, high) if high > low else (low - max(1.0, abs(low) * 2**-40), low)


def surrounding_value(values: Voxels) -> float:
    """The value around what an image shows: that of all its corners, or 0 if they differ."""
    corners = values[tuple(slice(None, None, max(size - 1, 1)) for size in values.shape)]
    first = corners.ravel()[0]
    return float(first) if (corners == first).all() else 0.0


def _gray(voxels: Voxels) -> Voxels:
    """The gray values of an image turned for display: colors have a fourth axis."""
    if voxels.ndim < 4:
        return voxels
    weights = np.array([0.2126, 0.7152, 0.0722], np.float32)
    gray: Voxels = voxels[..., :3] @ weights
    return gray


def gray_picture(sheet: Voxels, low: float, high: float) -> npt.NDArray[np.uint8]:
    """A slice as bytes from ``low`` (0) to ``high`` (255); colors are kept."""
    if sheet.ndim == 3:
        colors = sheet[..., :3].astype(np.float64)
        top = 255.0 if sheet.dtype == np.uint8 else max(float(colors.max(initial=0)), 1e-300)
        picture: npt.NDArray[np.uint8] = np.rint(np.clip(colors / top, 0, 1) * 255).astype(np.uint8)
        return picture
    values = np.nan_to_num(sheet.astype(np.float64), posinf=high, neginf=low)
    # Halves, since the difference of two numbers may overflow.
    share = np.clip((values / 2 - low / 2) / (high / 2 - low / 2), 0, 1)
    return np.rint(share * 255).astype(np.uint8)


def _encoded(picture: npt.NDArray[np.uint8], size: Sequence[int]) -> str:
    from PIL import Image as Drawing

    drawn = Drawing.fromarray(np.ascontiguousarray(picture)).convert("RGB")
    drawn = drawn.resize((size[1], size[0]), Drawing.Resampling.BILINEAR)
    file = io.BytesIO()
    drawn.save(file, "WEBP", quality=80, method=4)
    return data_url("image/webp", file.getvalue())


def _overlays(marks: Voxels, size: Sequence[int], color: int) -> tuple[str, str]:
    """The region filled and as an outline of two pixels, as pictures with transparency."""
    numbers = marks.astype(np.int64)
    is_mask = int(numbers.max(initial=0)) <= 1
    classes = np.where(
        numbers != 0,
        color % len(COLORS) + 1 if is_mask else (numbers - 1) % len(MORE_COLORS) + 1,
        0,
    )
    sheet = _scaled(classes, size)
    inside = sheet == _moved(sheet)
    line = np.where(inside, 0, sheet)
    return _paletted(sheet), _paletted(line)


def _moved(sheet: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The sheet where its neighbors within two pixels are equal, else -1."""
    same = np.ones(sheet.shape, bool)
    padded = np.pad(sheet, 2)
    for down, right in ((0, 2), (4, 2), (2, 0), (2, 4), (1, 1), (1, 3), (3, 1), (3, 3)):
        same &= padded[down : down + sheet.shape[0], right : right + sheet.shape[1]] == sheet
    return np.where(same, sheet, -1)


def _eroded(mask: Mask) -> Mask:
    padded = np.pad(mask, 1)
    result: Mask = (
        padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:] & mask
    )
    return result


def _scaled(sheet: Voxels, size: Sequence[int]) -> Voxels:
    """The nearest pixels of a sheet, at another size."""
    for axis, pixels in enumerate(size):
        count = sheet.shape[axis]
        sheet = sheet.take(((np.arange(pixels) + 0.5) * count / pixels).astype(int), axis)
    return sheet


def _paletted(sheet: npt.NDArray[np.int64]) -> str:
    """A PNG with a palette, in which 0 is transparent; empty if nothing else is there."""
    from PIL import Image as Drawing

    if not sheet.any():
        return ""
    drawn = Drawing.fromarray(sheet.astype(np.uint8), "P")
    drawn.putpalette([0, 0, 0, *(part for color in MORE_COLORS for part in color)])
    file = io.BytesIO()
    drawn.save(file, "PNG", optimize=True, transparency=0)
    return data_url("image/png", file.getvalue())


def data_url(kind: str, content: bytes) -> str:
    """A file as the text of a link."""
    return f"data:{kind};base64,{base64.standard_b64encode(content).decode()}"
