"""Heat maps of two swept variables, and boxes of a label by combination, for pages."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

import numpy as np

from voxgpu.cohorts.plots import Grid
from voxgpu.cohorts.statistics import Numbers
from voxgpu.report.charts import number_text
from voxgpu.report.markup import Markup, element

#: Colors of viridis, evenly spaced.
_VIRIDIS = (
    (68, 1, 84), (71, 44, 122), (59, 81, 139), (44, 113, 142), (33, 144, 141),
    (39, 173, 129), (92, 200, 99), (170, 220, 50), (253, 231, 37),
)  # fmt: skip


def heat_map(label: str, grid: Grid) -> Markup:
    """A table of means, colored from the least to the greatest."""
    finite = [each for line in grid.means for each in line if isfinite(each)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    head = element(
        "tr",
        element("th", f"{grid.rows[0]} \\ {grid.columns[0]}", scope="col"),
        [element("th", each, scope="col") for each in grid.columns[1]],
    )
    rows = [
        element("tr", element("th", name, scope="row"), [_cell(each, low, high) for each in line])
        for name, line in zip(grid.rows[1], grid.means, strict=True)
    ]
    cases = str(grid.most) if grid.fewest == grid.most else f"{grid.fewest} to {grid.most}"
    caption = element("caption", f"mean of {label} over {cases} cases")
    body = element("table", caption, element("thead", head), element("tbody", rows), class_="heat")
    return element("div", body, class_="wide", tabindex=0)


def _cell(value: float, low: float, high: float) -> Markup:
    if not isfinite(value):
        return element("td", "none")
    share = (value - low) / (high - low) if high > low else 1.0
    red, green, blue = _color(share)
    # Relative luminance decides whether black or white is easier to read.
    bright = 0.2126 * _linear(red) + 0.7152 * _linear(green) + 0.0722 * _linear(blue)
    ink = "#000" if bright > 0.179 else "#fff"
    style = f"background:rgb({red},{green},{blue});color:{ink}"
    return element("td", number_text(value), style=style, class_="number")


def _color(share: float) -> tuple[int, int, int]:
    at = share * (len(_VIRIDIS) - 1)
    below = min(int(at), len(_VIRIDIS) - 2)
    rest = at - below
    first, second = _VIRIDIS[below], _VIRIDIS[below + 1]
    red, green, blue = (
        round(a * (1 - rest) + b * rest) for a, b in zip(first, second, strict=True)
    )
    return red, green, blue


def _linear(part: int) -> float:
    share = part / 255
    return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)


def boxes(label: str, groups: Mapping[str, Numbers]) -> Markup:
    """Quartiles and extremes of a label for each group, on one axis."""
    some = {name: numbers for name, numbers in groups.items() if len(numbers)}
    if not some:
        return element("p", "no finite number", class_="note")
    low = min(float(each.min()) for each in some.values())
    high = max(float(each.max()) for each in some.values())
    span = high - low or 1.0
    left, width, line = 8.0 + 6.6 * max(map(len, some)), 360.0, 22
    shapes = []
    for number, (name, numbers) in enumerate(some.items()):
        y = number * line + line / 2
        least, q1, median, q3, most = (
            left + (float(each) - low) / span * width
            for each in np.percentile(numbers, (0, 25, 50, 75, 100))
        )
        shapes += [
            element("text", name, x=f"{left - 8:.0f}", y=y + 4, text_anchor="end"),
            element("line", x1=f"{least:.1f}", x2=f"{most:.1f}", y1=y, y2=y, class_="axis"),
            element(
                "rect",
                x=f"{q1:.1f}",
                y=y - 7,
                width=f"{max(q3 - q1, 1):.1f}",
                height=14,
                class_="box",
            ),
            element(
                "line", x1=f"{median:.1f}", x2=f"{median:.1f}", y1=y - 9, y2=y + 9, class_="median"
            ),
        ]
    bottom = len(some) * line
    ends = (
        element("text", number_text(low), x=left, y=bottom + 14),
        element("text", number_text(high), x=left + width, y=bottom + 14, text_anchor="end"),
    )
    total = left + width + 8
    svg = element(
        "svg",
        shapes,
        ends,
        viewBox=f"0 0 {total:.0f} {bottom + 20}",
        width=f"{total:.0f}",
        height=bottom + 20,
        class_="boxes",
        role="img",
        aria_label=f"{label} by combination",
    )
    return element("div", svg, class_="wide", tabindex=0)
