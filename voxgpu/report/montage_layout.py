"""Layout of tiles, labels, title and legend on a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

Picture = npt.NDArray[np.uint8]
Legend = Sequence[tuple[str, tuple[int, int, int]]]

TEXT_COLOR = (225, 225, 225)
QUIET_COLOR = (150, 150, 150)

#: Gap between tiles and around the picture, in pixels.
GAP = 6


def arrange(
    tiles: Sequence[Picture],
    labels: Sequence[str],
    columns: int,
    title: str,
    legend: Legend,
    font_size: int,
    sides: tuple[str, str] = ("R", "L"),
) -> Picture:
    """Arrange tiles of one size in rows below a line with title and legend, on black.

    labels     one per tile, or none: then the tiles have no labels
    columns    number of tiles side by side
    legend     names and their colors
    font_size  of title and legend, in pixels
    sides      letters at the left and right edge of the first tile, if tiles have labels

    Returns the picture, (height, width, 3), as wide as tiles and text require.
    """
    from PIL import Image as Drawing
    from PIL import ImageDraw, ImageFont

    font = ImageFont.load_default(font_size)
    height, width = tiles[0].shape[:2]
    legend_width = sum(_entry_width(name, font_size) for name, _ in legend)
    text_width = legend_width + (font.getlength(title) + 3 * GAP if title else 0)
    top = 2 * font_size + GAP if text_width else GAP
    rows = -(-len(tiles) // columns)
    page_width = max(columns * (width + GAP), int(text_width)) + GAP
    page = Drawing.new("RGB", (page_width, top + rows * (height + GAP)))
    draw = ImageDraw.Draw(page)
    draw.text((2 * GAP, top // 2), title, TEXT_COLOR, font, anchor="lm")
    _draw_legend(draw, legend, page_width - legend_width, top // 2, font_size)
    corners = [
        (GAP + number % columns * (width + GAP), top + number // columns * (height + GAP))
        for number in range(len(tiles))
    ]
    for tile, corner in zip(tiles, corners, strict=True):
        page.paste(Drawing.fromarray(tile), corner)
    _draw_labels(draw, labels, corners, (width, height), max(font_size * 3 // 4, 10), sides)
    return np.array(page)


def _draw_legend(
    draw: ImageDraw, legend: Legend, left: float, middle: float, font_size: int
) -> None:
    """Draw a square in its color and the name of every entry, from left to right."""
    from PIL import ImageFont

    font = ImageFont.load_default(font_size)
    half = font_size * 0.35
    for name, color in legend:
        draw.rectangle((left, middle - half, left + 2 * half, middle + half), fill=color)
        draw.text((left + font_size, middle), name, TEXT_COLOR, font, anchor="lm")
        left += _entry_width(name, font_size)


def _entry_width(name: str, font_size: int) -> float:
    """The width of a legend entry in pixels, with its square and the gap behind it."""
    from PIL import ImageFont

    return 2 * font_size + ImageFont.load_default(font_size).getlength(name)


def _draw_labels(
    draw: ImageDraw,
    labels: Sequence[str],
    corners: Sequence[tuple[int, int]],
    size: tuple[int, int],
    font_size: int,
    sides: tuple[str, str],
) -> None:
    """Label every tile at its lower left, and the patient's sides at the top of the first tile."""
    if not labels:
        return
    from PIL import ImageFont

    font = ImageFont.load_default(font_size)
    for label, (left, top) in zip(labels, corners, strict=True):
        place = (left + GAP, top + size[1] - GAP)
        draw.text(place, label, QUIET_COLOR, font, anchor="ls")
    left, top = corners[0]
    draw.text((left + GAP, top + GAP), sides[0], QUIET_COLOR, font, anchor="la")
    draw.text((left + size[0] - GAP, top + GAP), sides[1], QUIET_COLOR, font, anchor="ra")
