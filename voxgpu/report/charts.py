"""Charts as SVG: histograms, bars of shares, distributions of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from voxgpu.report.markup import Content, Markup, element

#: Width and height of a histogram in user units, and the bands for its texts.
_WIDTH, _HEIGHT, _BAND = 360, 110, 18

#: Up to how many numbers a distribution shows as points.
_MOST_POINTS = 300


def number_text(value: float) -> str:
    """A number for people, in six digits."""
    return f"{value:.6g}"


def histogram(
    edges: npt.NDArray[np.float64],
    series: Sequence[tuple[str, npt.NDArray[np.int64]]],
    unit: str = "",
) -> Markup:
    """A histogram on one axis, of one or more series, each scaled to its own greatest count.

    edges   of the bins, one more than there are counts
    series  the class in the style sheet and the counts of each; later ones are drawn on top
    """
    shapes = []
    base = _HEIGHT - _BAND
    for name, counts in series:
        top = max(int(counts.max(initial=0)), 1)
        width = _WIDTH / max(len(counts), 1)
        path = "".join(
            f"M{place * width:.2f} {base}v{-(count / top) * (base - 4):.2f}h{width:.2f}V{base}z"
            for place, count in enumerate(counts.tolist())
            if count
        )
        shapes.append(element("path", d=path, class_=f"bars {name}"))
    ends = (
        element("text", number_text(float(edges[0])), x=0, y=_HEIGHT - 4),
        element(
            "text",
            f"{number_text(float(edges[-1]))}{unit}",
            x=_WIDTH,
            y=_HEIGHT - 3,
            text_anchor="end",
        ),
    )
    axis = element("line", x1=0, x2=_WIDTH, y1=base, y2=base, class_="axis")
    return _svg(_WIDTH, _HEIGHT, "histogram", "histogram of voxels", shapes, axis, ends)


def shares_bar(shares: Mapping[str, float], total: float) -> Markup:
    """Horizontal bars of seconds by what was done, the longest first; nothing below 0.5 ms."""
    shown = sorted(((s, name) for name, s in shares.items() if s >= 0.0005), reverse=True)
    rows = [
        element(
            "tr",
            element("th", name, scope="row"),
            element(
                "td",
                element("span", class_="bar", style=f"width:{100 * s / max(total, 1e-9):.1f}%"),
                class_="track",
            ),
            element("td", seconds_text(s), class_="number"),
            element("td", f"{s / max(total, 1e-9):.1%}", class_="number"),
        )
        for s, name in shown
    ]
    return element("table", element("tbody", rows), class_="shares")


def seconds_text(seconds: float) -> str:
    """A duration for people."""
    if seconds >= 120:
        return f"{int(seconds) // 60} min {int(seconds) % 60} s"
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1e3:.1f} ms"


def distribution(numbers: Sequence[float], title: str) -> Markup:
    """The distribution of finite numbers: a histogram, and below it the quartiles and points."""
    values = np.asarray(numbers, np.float64)
    low, high = float(values.min()), float(values.max())
    if not high > low:
        text = f"{number_text(low)} in all {len(values)} rows"
        return element("p", text, class_="note")
    bins = int(np.clip(round(2 * len(values) ** 0.5), 5, 50))
    counts, _ = np.histogram(values, np.linspace(low, high, bins + 1))
    base, width = 80, _WIDTH / bins
    top = max(int(counts.max()), 1)

    def place(value: float) -> float:
        return (value / 2 - low / 2) / (high / 2 - low / 2) * _WIDTH

    path = "".join(
        f"M{n * width:.2f} {base}v{-count / top * (base - 4):.2f}h{width:.2f}V{base}z"
        for n, count in enumerate(counts.tolist())
        if count
    )
    first, median, third = (place(float(q)) for q in np.percentile(values, (25, 50, 75)))
    box = (
        element(
            "rect", x=f"{first:.1f}", y=88, width=f"{max(third - first, 1):.1f}", height=14,
            class_="box",
        ),
        element(
            "line", x1=f"{median:.1f}", x2=f"{median:.1f}", y1=86, y2=104, class_="median"
        ),
    )  # fmt: skip
    points = [
        element("circle", cx=f"{place(float(v)):.1f}", cy=95, r=1.6, class_="point")
        for v in (values if len(values) <= _MOST_POINTS else ())
    ]
    ends = (
        element("text", number_text(low), x=0, y=120),
        element("text", number_text(high), x=_WIDTH, y=120, text_anchor="end"),
    )
    bars = element("path", d=path, class_="bars all")
    axis = element("line", x1=0, x2=_WIDTH, y1=base, y2=base, class_="axis")
    return _svg(
        _WIDTH, 124, "distribution", f"distribution of {title}", bars, axis, box, points, ends
    )


def _svg(width: float, height: float, kind: str, label: str, *content: Content) -> Markup:
    return element(
        "svg",
        *content,
        viewBox=f"0 0 {width} {height}",
        class_=kind,
        role="img",
        aria_label=label,
        preserveAspectRatio="xMidYMid meet",
    )
