"""Small pictures of images in the terminal: one slice."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.image import Image
from voxgpu.interactive.sixel import sixels
from voxgpu.report.orientation import radiological

Array = npt.NDArray[np.uint8]

#: Maximum width of a picture in characters, and in pixels for terminals with true pixels.
COLUMNS, PIXELS = 56, 240


def picture(image: Image, how: str, columns: int = COLUMNS) -> str:
    """Returns the escape sequences that show the middle slice; empty if there is no protocol.

    columns  width of the terminal in characters
    """
    return shown(middle_slice(image), how, min(columns, COLUMNS)) if how else ""


def shown(pixels: Array, how: str, columns: int, limit: int = PIXELS) -> str:
    """Returns the escape sequences that show a picture (row, column, color), made smaller if large.

    how      the protocol
    columns  characters that it may be wide, in terminals without pixels of their own
    limit    pixels that it may be wide and high, in the others
    """
    if how.startswith("blocks"):
        sign = _of_256 if how == "blocks256" else _of_all
        return _blocks(_smaller(pixels, columns), sign)
    smaller = _smaller(pixels, limit)
    if how == "sixel":
        return sixels(smaller)
    data = base64.standard_b64encode(_png(smaller)).decode()
    return _kitty(data) if how == "kitty" else f"\x1b]1337;File=inline=1:{data}\x07"


def middle_slice(image: Image) -> Array:
    """Returns the middle axial slice (of a region, the largest one) as RGB (row, column)."""
    array = radiological(image.grid).turned(image.array)
    if image.grid.dimensions == 3:
        array = array[_place(array)]
    if image.channels == 1:
        array = _grey(array)
    rgb = array[..., :3] if array.ndim == 3 else np.repeat(array[..., np.newaxis], 3, axis=2)
    return np.ascontiguousarray(rgb.astype(np.uint8))


def _place(array: npt.NDArray[Any]) -> int:
    if array.dtype == bool and array.any():
        return int(np.argmax(array.sum(axis=(1, 2))))
    return int(array.shape[0]) // 2


def _grey(array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Maps voxels to grey values, from the minimum to the 99th percentile."""
    if array.dtype == bool:
        return array.astype(np.uint8) * 255
    values = np.nan_to_num(array.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(np.percentile(values, 99))
    scaled = (values - low) / (high - low if high > low else 1.0)
    return np.asarray(np.clip(scaled, 0, 1) * 255)


def _smaller(pixels: Array, limit: int) -> Array:
    """Averages squares of pixels, so that the picture is at most ``limit`` wide and high."""
    from PIL import Image as Pillow

    step = -(-max(pixels.shape[:2]) // limit)
    if step <= 1:
        return pixels
    return np.array(Pillow.fromarray(np.ascontiguousarray(pixels)).reduce(step))


def _of_all(red: int, green: int, blue: int) -> str:
    """Returns the SGR parameters of a 24-bit color."""
    return f"2;{red};{green};{blue}"


def _of_256(red: int, green: int, blue: int) -> str:
    """Returns the nearest of the 256 colors: one of 24 greys or of 6 × 6 × 6 colors."""
    if red == green == blue and 3 < red < 247:
        return f"5;{232 + round((min(red, 238) - 8) / 10)}"
    places = [min(range(6), key=lambda i: abs(_STEPS[i] - each)) for each in (red, green, blue)]
    return f"5;{16 + 36 * places[0] + 6 * places[1] + places[2]}"


#: The intensities of the 6 × 6 × 6 colors.
_STEPS = (0, 95, 135, 175, 215, 255)


def _blocks(pixels: Array, sign: Callable[[int, int, int], str]) -> str:
    """Draws two pixel rows per text line with half blocks: foreground above, background below."""
    if pixels.shape[0] % 2:
        pixels = np.concatenate([pixels, np.zeros_like(pixels[:1])])
    lines = []
    for upper, lower in zip(pixels[::2].tolist(), pixels[1::2].tolist(), strict=True):
        cells = (
            f"\x1b[38;{sign(*above)};48;{sign(*below)}m▀"
            for above, below in zip(upper, lower, strict=True)
        )
        lines.append("".join(cells) + "\x1b[0m")
    return "\n".join(lines)


def _png(pixels: Array) -> bytes:
    from PIL import Image as Pillow

    file = io.BytesIO()
    Pillow.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG")
    return file.getvalue()


def _kitty(data: str) -> str:
    parts = [data[start : start + 4096] for start in range(0, len(data), 4096)]
    pieces = []
    for number, part in enumerate(parts):
        head = "a=T,f=100," if not number else ""
        more = int(number + 1 < len(parts))
        pieces.append(f"\x1b_G{head}m={more};{part}\x1b\\")
    return "".join(pieces)
