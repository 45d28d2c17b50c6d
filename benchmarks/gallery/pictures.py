"""Pictures of what the programs of the gallery found."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as Drawing

from benchmarks.gallery.entries import Entry
from voxgpu.files.header import read_header
from voxgpu.files.read import read_image
from voxgpu.image import Image
from voxgpu.report.montage import Outline, montage
from voxgpu.report.planes import COLORS
from voxgpu.temporary_files import whole_file

#: The longer edge of a slice, of one of two, and of a 2-D image, in pixels.
SLICE, WIDE, FLAT = 250, 370, 300

#: Bytes that a picture may take.
MOST_BYTES = 60_000

#: Opacity of regions within their outlines.
FILL = 0.45


def draw(entry: Entry, data: Path, saved: Path, prints: dict[str, Any]) -> None:
    """Write the picture of an entry.

    data    the folder with the images that programs load
    saved   the folder with the images that this program saved
    prints  the values that it printed, by label
    """
    page = _curve(prints) if not entry.layers else _overlay(entry, data, saved)
    # Noise takes many bytes: then fewer colors must do.
    content = next(
        (file for colors in (128, 64, 32, 16) if len(file := _png(page, colors)) <= MOST_BYTES),
        None,
    )
    if content is None:
        raise ValueError(f"{entry.name}: the picture takes more than {MOST_BYTES} bytes")
    with whole_file(entry.picture) as part:
        part.write_bytes(content)


def _png(page: npt.NDArray[np.uint8], colors: int) -> bytes:
    file = io.BytesIO()
    drawn = Drawing.fromarray(page).quantize(
        colors, Drawing.Quantize.MAXCOVERAGE, dither=Drawing.Dither.NONE
    )
    drawn.save(file, "PNG", optimize=True)
    return file.getvalue()


def _overlay(entry: Entry, data: Path, saved: Path) -> npt.NDArray[np.uint8]:
    background = read_image(read_header(data / entry.background))
    layers = {name: read_image(read_header(saved / f"{name}.nii.gz")) for name in entry.layers}
    outlines = _labels(entry, layers) if entry.labels else _regions(layers)
    if background.grid.dimensions == 3:
        slices = entry.slices or None
        columns = len(entry.slices) or 3
        size = SLICE if columns > 2 else WIDE
        return montage(
            background,
            outlines,
            columns=columns,
            rows=1,
            slices=slices,
            tile_pixels=size,
            fill=FILL,
        )
    options: dict[str, Any] = {
        "tile_pixels": FLAT,
        "in_color": background.array.ndim == 3,
        "window": entry.window,
    }
    if not entry.before:
        return montage(background, outlines, fill=FILL, **options)
    before = montage(background, [], title="the image", **options)
    after = montage(background, outlines, fill=FILL, **options)
    if before.shape[0] != after.shape[0] or after.shape[1] < before.shape[1]:
        raise ValueError(f"{entry.name}: pictures of {before.shape} and {after.shape}")
    return np.concatenate([before, after], axis=1)


def _regions(layers: dict[str, Image]) -> list[Outline]:
    return [
        Outline(name, mask, COLORS[number % len(COLORS)])
        for number, (name, mask) in enumerate(layers.items())
    ]


def _labels(entry: Entry, layers: dict[str, Image]) -> list[Outline]:
    """An outline for each label; more than seven labels share colors."""
    (image,) = layers.values()
    groups: dict[int, npt.NDArray[np.bool_]] = {}
    for label in np.unique(image.array[image.array != 0]).astype(int):
        group = (label - 1) % len(COLORS)
        groups[group] = groups.get(group, np.zeros(image.array.shape, bool)) | (
            image.array == label
        )
    return [
        Outline(
            dict(enumerate(entry.labels)).get(group, ""), Image(region, image.grid), COLORS[group]
        )
        for group, region in groups.items()
    ]


def _curve(prints: dict[str, Any]) -> npt.NDArray[np.uint8]:
    """The share of the truth that is found over that of other voxels, and the best threshold."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    hits, fails = prints["true positives"], prints["false positives"]
    best = max(range(len(hits)), key=lambda n: hits[n] - fails[n])
    figure = Figure(figsize=(4.4, 3.6), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.7", linestyle="--", label="chance")
    axes.plot(fails, hits, marker=".", color="#0072B2", label="thresholds")
    axes.plot(fails[best], hits[best], "o", color="#D55E00", label="the best one")
    axes.set(xlabel="false positives", ylabel="true positives")
    axes.legend(loc="lower right")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
