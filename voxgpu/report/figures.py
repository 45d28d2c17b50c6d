"""Figures of saved images: planes with layers, legend, histogram and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from voxgpu.frozen import frozen
from voxgpu.image import Image
from voxgpu.provenance.sidecar import find_sidecar
from voxgpu.report.charts import histogram, number_text
from voxgpu.report.markup import Content, Markup, element, facts
from voxgpu.report.montage_regions import labels_of
from voxgpu.report.planes import Plane, planes_of
from voxgpu.report.region_colors import MORE_COLORS
from voxgpu.report.saved_images import Region, SavedImage, histogram_of, region_of


@frozen
class ImageFigure:
    """The figure of a saved image.

    place   of the image among those that were saved
    anchor  the id of the figure on the page
    size    of its region, in words; empty if it is none
    """

    place: int
    anchor: str
    size: str
    html: Markup


def figure_of(shown: SavedImage, place: int) -> ImageFigure:
    """The figure of a saved image, or of the reason why it cannot be shown."""
    saved, anchor = shown.saved, f"image-{place}"
    title = element("h3", saved.label)
    pairs: list[tuple[str, Content]] = [("file", element("code", str(saved.path)))]
    if saved.volumes:
        pairs.append(("volumes", f"{saved.volumes}; the first is shown"))
    origin = _origin(saved.path)
    if shown.image is None:
        note = element("p", f"It cannot be shown: {shown.problem}", class_="message warning")
        return ImageFigure(place, anchor, "", _article(anchor, title, note, facts(pairs), origin))
    image, background = shown.image, shown.background
    marks = shown.region
    region = region_of(image) if marks is not None else None
    pairs = [*_grid_facts(image), *pairs]
    pictures: list[Plane]
    legend: Content = None
    if marks is not None:
        labels = labels_of(image)
        if len(labels) > 1 and (
            background is None or np.array_equal(background.array, image.array)
        ):
            # Labels of which nothing else is known, or that were loaded as they are.
            pictures = planes_of(Image(np.zeros(image.array.shape, np.uint8), image.grid), marks)
            legend = _legend(saved.label, "", labels)
        elif background is None:
            pictures = planes_of(Image((image.array != 0).astype(np.uint8), image.grid))
        else:
            pictures = planes_of(background, marks)
            name = Path(shown.source.path).name if shown.source else ""
            legend = _legend(saved.label, name, labels)
        assert region is not None
        pairs = [*_region_facts(region, image), *pairs]
        counts = histogram_of(background, image) if background is not None else None
    else:
        pictures = planes_of(image)
        counts = histogram_of(image, None)
        pairs = [*_value_facts(image), *pairs]
    chart: Content = None
    if counts is not None:
        series = [("all", counts.every)]
        if counts.inside is not None:
            series.append(("inside", counts.inside))
        of = Path(shown.source.path).name if shown.is_region and shown.source else saved.label
        said = f"values of {of}, without those around it"
        if counts.inside is not None:
            said += "; in color those in the region, each scaled to its own greatest count"
        chart = element(
            "div",
            histogram(counts.edges, series),
            element("p", said, class_="note"),
            class_="chart",
        )
    size = ""
    if region is not None:
        size = f"{region.voxels:,} voxels, {_volume(region.size, image)}"
    body = element("div", facts(pairs), chart, class_="beside")
    return ImageFigure(
        place, anchor, size, _article(anchor, title, legend, stack(pictures), body, origin)
    )


def _article(anchor: str, *content: Content) -> Markup:
    return element("article", *content, id=anchor, class_="image")


def _origin(path: Path) -> Markup | None:
    """How a file came about, from its sidecar; None if it has none."""
    found = find_sidecar(path)
    if found is None:
        return None
    sidecar, record = found
    code = "\n".join(each.text for each in record.lines)
    pairs: list[tuple[str, Content]] = [
        ("expression", element("code", record.expression)),
        *(("value", element("code", each)) for each in record.values),
        *(("input", element("code", each.path)) for each in record.inputs),
        ("sidecar", element("code", str(sidecar))),
    ]
    return element(
        "details",
        element("summary", "How it came about"),
        element("pre", element("code", code)),
        facts(pairs),
    )


def stack(planes: Sequence[Plane]) -> Markup:
    """The planes side by side, each with its layers on top of one another."""
    return element("div", [_plane(each) for each in planes], class_="planes")


def _plane(plane: Plane) -> Markup:
    size = {"width": plane.width, "height": plane.height}
    name = f"{plane.name} {plane.index} of 0 to {plane.count - 1}" if plane.left else plane.name
    layers = [element("img", src=plane.picture, alt=name, class_="background", **size)]
    if plane.fill:
        layers.append(element("img", src=plane.fill, alt="", class_="layer fill", **size))
    if plane.outline:
        layers.append(element("img", src=plane.outline, alt="", class_="layer outline", **size))
    sides = (
        element("span", plane.left, class_="side left") if plane.left else None,
        element("span", plane.right, class_="side right") if plane.right else None,
    )
    frame = element("div", layers, sides, class_="layers")
    return element("figure", frame, element("figcaption", name), class_="plane")


def _legend(name: str, background: str, labels: Sequence[int]) -> Markup:
    """What is what, and how strongly the region covers the image; a color for each label."""
    parts: list[Content] = [element("span", element("span", class_="swatch"), name)]
    if len(labels) > 1:
        colors = [f"background: rgb{color}" for color in MORE_COLORS]
        parts = [
            name,
            *(
                element("span", element("span", class_="swatch", style=color), label)
                for label, color in zip(labels, colors, strict=False)
            ),
        ]
    if background:
        parts.append(element("span", element("span", class_="swatch gray"), background))
    return element(
        "div",
        parts,
        element(
            "label",
            "opacity ",
            element(
                "input", type="range", min=0, max=100, value=40, data_layer="fill",
                aria_label=f"opacity of {name}",
            ),
        ),
        element(
            "label",
            element("input", type="checkbox", checked=True, data_layer="outline"),
            " outline",
        ),
        class_="legend",
    )  # fmt: skip


def _volume(size: float, image: Image) -> str:
    unit = "mm²" if image.grid.dimensions == 2 else "mm³"
    return f"{size:,.6g} {unit}" if size < 1e6 else f"{size:,.0f} {unit}"


def _region_facts(region: Region, image: Image) -> list[tuple[str, Content]]:
    name = "area" if image.grid.dimensions == 2 else "volume"
    return [
        (name, element("strong", _volume(region.size, image))),
        ("voxels", f"{region.voxels:,} of {image.grid.voxels:,}"),
        ("components", f"{region.components:,}"),
    ]


def _value_facts(image: Image) -> list[tuple[str, Content]]:
    values = image.array[np.isfinite(image.array)] if image.array.dtype.kind == "f" else image.array
    if not values.size:
        return [("values", "none is finite")]
    low, high = float(values.min()), float(values.max())
    scale = max(abs(low), abs(high), 1.0)  # the sum of all may overflow
    mean = float((values / scale).mean(dtype=np.float64)) * scale
    texts = (number_text(low), number_text(mean), number_text(high))
    return [("least, mean, greatest", ", ".join(texts))]


def _grid_facts(image: Image) -> list[tuple[str, Content]]:
    grid = image.grid
    size = "×".join(map(str, reversed(grid.shape)))
    spacing = "×".join(number_text(each) for each in reversed(grid.spacing))
    origin = ", ".join(number_text(each) for each in grid.origin)
    channels = f", {image.channels} channels" if image.channels > 1 else ""
    return [
        ("grid", f"{size} of {image.element}{channels}"),
        ("spacing", f"{spacing} mm"),
        ("origin", f"({origin}) mm"),
    ]
