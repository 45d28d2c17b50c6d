"""Pictures as sixels, which many terminals draw: bands of six pixel rows, color by color.

Each character from ``?`` (63) on is a column of six pixels, the lowest bit at the top. ``!5A`` is
``AAAAA``, ``$`` returns to the beginning of the band, ``-`` goes on to the next.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

#: Colors of a picture; all terminals have as many.
COLORS = 256

_RUN = re.compile(r"(.)\1{3,}")


def sixels(pixels: npt.NDArray[np.uint8]) -> str:
    """Returns the escape sequence that shows a picture (row, column, color)."""
    from PIL import Image as Drawing

    drawn = Drawing.fromarray(np.ascontiguousarray(pixels)).quantize(COLORS)
    palette = np.array(drawn.getpalette() or [], np.int64).reshape(-1, 3)
    indices = np.array(drawn)
    height, width = indices.shape
    used = np.unique(indices)
    pieces = [f'\x1bP0;1;0q"1;1;{width};{height}']
    for color in used.tolist():
        shares = ";".join(str(round(each * 100 / 255)) for each in palette[color].tolist())
        pieces.append(f"#{color};2;{shares}")
    pieces += [_band(indices[top : top + 6]) for top in range(0, height, 6)]
    return "".join(pieces) + "\x1b\\"


def _band(rows: npt.NDArray[np.uint8]) -> str:
    """The sixels of up to six rows."""
    weights = (1 << np.arange(len(rows), dtype=np.uint8))[:, None]
    lines = []
    for color in np.unique(rows).tolist():
        columns = ((rows == color) * weights).sum(axis=0).astype(np.uint8) + 63
        text = columns.tobytes().decode("ascii").rstrip("?")
        lines.append(f"#{color}" + _RUN.sub(lambda run: f"!{len(run[0])}{run[1]}", text))
    return "$".join(lines) + "-"
