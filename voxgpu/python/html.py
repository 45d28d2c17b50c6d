"""HTML for notebooks: slices of an image from the feet upward, and statistics of its voxels."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from voxgpu.image import Image
from voxgpu.report.montage import montage

_COLUMNS, _ROWS, _PIXELS = 6, 2, 128

#: Maximum number of images of a result that are shown.
_FIGURES = 6


def html_of(image: Image) -> str:
    """A figure in HTML, with the picture inside."""
    data = base64.standard_b64encode(png_of(image)).decode()
    rows = "".join(
        f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in _properties(image)
    )
    return f'<figure><img src="data:image/png;base64,{data}"/><table>{rows}</table></figure>'


def result_html(
    printed: Mapping[str, object],
    images: Mapping[str, Image],
    errors: Sequence[object],
    warnings: Sequence[object],
) -> str:
    """A table of printed values, the saved images, and the errors and warnings."""
    rows = "".join(
        f"<tr><th>{escape(label)}</th><td>{escape(str(value))}</td></tr>"
        for label, value in printed.items()
    )
    table = f"<table>{rows}</table>" if rows else ""
    figures = "".join(
        f"<p>{escape(name)}</p>{html_of(image)}" for name, image in list(images.items())[:_FIGURES]
    )
    more = f"<p>and {len(images) - _FIGURES} more images</p>" if len(images) > _FIGURES else ""
    told = "".join(f"<pre>{escape(str(each))}</pre>" for each in (*errors, *warnings))
    return f"{table}{figures}{more}{told}"


def png_of(image: Image) -> bytes:
    """The picture of slices as a file in PNG."""
    from PIL import Image as Drawing

    shown = image
    if image.array.dtype == bool:
        shown = Image(image.array.view(np.uint8), image.grid)
    picture = montage(shown, (), columns=_COLUMNS, rows=_ROWS, tile_pixels=_PIXELS)
    file = io.BytesIO()
    Drawing.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def _properties(image: Image) -> list[tuple[str, str]]:
    """The properties of an image, for people."""
    grid, array = image.grid, image.array
    properties = [
        ("voxels", f"{'×'.join(map(str, reversed(grid.shape)))} of {array.dtype}"),
        ("spacing", f"{'×'.join(f'{each:.6g}' for each in reversed(grid.spacing))} mm"),
        ("origin (LPS)", ", ".join(f"{each:.6g}" for each in grid.origin) + " mm"),
    ]
    if array.dtype == bool:
        count = int(np.count_nonzero(array))
        size = count * float(np.prod(grid.spacing))
        unit = "mm²" if grid.dimensions == 2 else "mm³"
        return [*properties, ("true", f"{count:,} voxels, {size:,.6g} {unit}")]
    finite = array[np.isfinite(array)] if array.dtype.kind == "f" else array
    if finite.size:
        least, greatest = finite.min(), finite.max()
        scale = max(abs(float(least)), abs(float(greatest)), 1.0)  # the sum of all may overflow
        mean = float((finite / scale).mean(dtype=np.float64)) * scale
        properties.append(("least, mean, greatest", f"{least:.6g}, {mean:.6g}, {greatest:.6g}"))
    if finite.size < array.size:
        properties.append(("not finite", f"{array.size - finite.size:,} numbers"))
    return properties
