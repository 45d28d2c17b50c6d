"""Figures of matplotlib: the distribution of a label, and a heat map of its means."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from contextlib import AbstractContextManager
from math import ceil
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.patches import Rectangle

from voxgpu.cohorts.statistics import Numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from voxgpu.cohorts.plots import Grid

#: Safe for color blindness, after Okabe and Ito.
_COLOR, _ACCENT, _MUTED = "#0072B2", "#D55E00", "#6b6b6b"

#: Up to how many numbers are drawn as points; more are a gray mass.
_MOST_POINTS = 400

#: Up to how many cells a side have a number in them, and how long labels of axes may be.
_MOST_CELLS, _LONGEST_NAME = 16, 60

#: Width of a letter and height of a line of tick labels, in inches.
_LETTER, _LINE = 0.075, 0.17

_STYLE: Any = {
    "text.parse_math": False,  # a `$` in a label is a `$`
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9.5,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "axes.formatter.useoffset": False,
    "axes.formatter.limits": (-4, 6),
    "svg.hashsalt": "voxgpu",  # the same ids in files of equal figures
}


#: Fonts of letters that the first one lacks, of which computers have some.
_FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Hiragino Sans",
    "Arial Unicode MS",
)


def style() -> AbstractContextManager[Any]:
    """The settings of matplotlib while figures are made and saved."""
    there = set(fontManager.get_font_names())
    fonts = [each for each in _FONTS if each in there]
    return matplotlib.rc_context({**_STYLE, "font.family": fonts or ["sans-serif"]})


def distribution(label: str, groups: Mapping[str, Numbers], note: str = "") -> Figure:
    """The distribution of a label: a box and the numbers, for each group.

    groups  finite numbers by the text of their combination; one group may have no text, and has a
            histogram
    note    what else there is to say of the numbers, for the axis
    """
    if len(groups) == 1:
        return _single(label, next(iter(groups.values())), note)
    width = 5.6 + _LETTER * (max(map(len, groups)) + 8)
    figure = Figure(figsize=(width, 1.3 + 0.34 * len(groups)), layout="constrained")
    axes = figure.add_subplot()
    for place, numbers in enumerate(groups.values()):
        _box_and_points(axes, numbers, place, 0.6)
    names = [f"{text}  (n={len(each)})" for text, each in groups.items()]
    axes.set_yticks(range(len(groups)), names)
    axes.set_ylim(len(groups) - 0.4, -0.6)
    _finish(axes, label, note)
    return figure


def _single(label: str, numbers: Numbers, note: str) -> Figure:
    """A histogram above a box, on one axis."""
    if len(numbers) < 5 or numbers.min() == numbers.max():
        figure = Figure(figsize=(7.2, 2.0), layout="constrained")
        axes = figure.add_subplot()
    else:
        figure = Figure(figsize=(7.2, 3.6), layout="constrained")
        above, axes = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        edges = np.histogram_bin_edges(
            numbers, bins=min(60, max(5, round(2 * len(numbers) ** 0.4)))
        )
        above.hist(numbers, edges, color=_COLOR, alpha=0.75, edgecolor="white", linewidth=0.6)
        above.set_ylabel("rows")
        above.yaxis.get_major_locator().set_params(integer=True)
        above.tick_params(labelbottom=False)
        _title(above, label)
        above.grid(axis="y", alpha=0.25)
        above.set_axisbelow(True)
    _box_and_points(axes, numbers, 0, 0.5)
    axes.set_yticks([])
    axes.set_ylim(0.6, -0.6)
    axes.spines["left"].set_visible(False)
    _finish(axes, label, note, f"n={len(numbers)}", titled=len(figure.axes) == 1)
    return figure


def _box_and_points(axes: Axes, numbers: Numbers, place: float, height: float) -> None:
    if not len(numbers):
        axes.text(
            0.5, place, "no finite number", transform=axes.get_yaxis_transform(),
            ha="center", va="center", color=_MUTED, fontsize=8.5, style="italic",
        )  # fmt: skip
        return
    if len(numbers) > 1:
        axes.boxplot(
            [numbers],
            positions=[place],
            orientation="horizontal",
            widths=height,
            manage_ticks=False,
            showfliers=len(numbers) > _MOST_POINTS,
            patch_artist=True,
            boxprops={"facecolor": "#cfe3f1", "edgecolor": _COLOR},
            whiskerprops={"color": _COLOR},
            capprops={"color": _COLOR},
            medianprops={"color": _ACCENT, "linewidth": 2},
            flierprops={"marker": ".", "markersize": 2, "markeredgecolor": _MUTED},
        )
    if len(numbers) == 1:
        axes.text(numbers[0], place - 0.12, f"{numbers[0]:.6g}", ha="center", fontsize=8.5)
    if len(numbers) <= _MOST_POINTS:
        shift = np.random.default_rng(0).uniform(-0.28, 0.28, len(numbers)) * height
        shift = shift if len(numbers) > 1 else np.zeros(1)
        axes.scatter(
            numbers,
            place + shift,
            s=11 if len(numbers) > 1 else 36,
            color="#333333",
            alpha=0.6,
            linewidths=0,
            zorder=3,
        )


def _finish(axes: Axes, label: str, note: str, count: str = "", titled: bool = True) -> None:
    name = label if len(label) <= _LONGEST_NAME else ""  # the title has it
    axes.set_xlabel("; ".join(each for each in (name, count, note) if each))
    axes.locator_params(axis="x", nbins=7)
    axes.grid(axis="x", alpha=0.25)
    axes.set_axisbelow(True)
    if titled:
        _title(axes, label)


def _title(axes: Axes, label: str) -> None:
    axes.set_title(_wrapped(label, 68))


def curve(label: str, variable: str, places: Numbers, quartiles: Numbers, note: str) -> Figure:
    """The median of a label and its quartiles, along the values of a swept variable.

    quartiles  the first, the median and the third by value
    """
    figure = Figure(figsize=(7.2, 3.8), layout="constrained")
    axes = figure.add_subplot()
    axes.fill_between(
        places, quartiles[:, 0], quartiles[:, 2], color=_COLOR, alpha=0.25, linewidth=0,
        label="quartiles",
    )  # fmt: skip
    axes.plot(places, quartiles[:, 1], color=_ACCENT, marker=".", markersize=4, label="median")
    axes.set_xlabel("; ".join(each for each in (variable, note) if each))
    axes.set_ylabel(label if len(label) <= _LONGEST_NAME // 2 else "")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize=8.5)
    _title(axes, label)
    return figure


def heat_map(label: str, grid: Grid, goal: str | None = None) -> Figure:
    """Means of a label in a grid of two swept variables.

    goal  ``max`` or ``min``: the best mean is framed
    """
    means = np.array(grid.means, np.float64)
    count_y, count_x = means.shape
    is_small = max(means.shape) <= _MOST_CELLS
    texts = [[_cell_text(each) for each in line] for line in grid.means] if is_small else []
    widest = max((len(each) for line in texts for each in line), default=0)
    cell_x = max(0.56, 0.085 * widest + 0.16) if is_small else 9 / max(means.shape)
    cell_y = 0.42 if is_small else cell_x
    wide, high = max(2.4, cell_x * count_x), max(1.6, cell_y * count_y)
    across, up = (max(map(len, each[1])) for each in (grid.columns, grid.rows))
    # Texts that are wider than their column stand upright.
    is_upright = across > 2 and across * _LETTER > wide / count_x
    size = (
        wide + 1.5 + up * _LETTER,
        high + 1.3 + (across * _LETTER if is_upright else _LINE),
    )
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    axes.set_facecolor("#ececec")
    shown = np.ma.masked_invalid(means)
    picture = axes.imshow(shown, origin="lower", aspect="auto", cmap="viridis")
    step = max(1, ceil(count_x * (_LINE if is_upright else _LETTER * (across + 1)) / wide))
    places = range(0, count_x, step)
    names = [grid.columns[1][each] for each in places]
    axes.set_xticks(places, names, rotation=90 if is_upright else 0)
    places = range(0, count_y, max(1, ceil(count_y * _LINE / high)))
    axes.set_yticks(places, [grid.rows[1][each] for each in places])
    if is_small:
        _write_cells(axes, texts, means)
    if goal is not None and np.isfinite(means).any():
        _frame_best(axes, means, goal)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0 if is_small else 3)
    cases = str(grid.most) if grid.fewest == grid.most else f"{grid.fewest} to {grid.most}"
    word = "case" if grid.most == 1 else "cases"
    best = {"max": "; framed: greatest", "min": "; framed: least", None: ""}[goal]
    figure.colorbar(picture, ax=axes, pad=0.02, fraction=0.05)
    axes.set_title(_wrapped(label, max(24, int(size[0] * 9))))
    axes.set_xlabel(f"{_wrapped(grid.columns[0], 40)}\n(mean over {cases} {word}{best})")
    axes.set_ylabel(_wrapped(grid.rows[0], max(12, int(high * 11))))
    return figure


def _write_cells(axes: Axes, texts: list[list[str]], means: Numbers) -> None:
    finite = means[np.isfinite(means)]
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
    for y, line in enumerate(texts):
        for x, text in enumerate(line):
            # The upper end of the color map is bright.
            share = (means[y, x] - low) / (high - low) if high > low else 0.0
            color = _MUTED if text == "–" else "black" if share > 0.6 else "white"
            axes.text(x, y, text, ha="center", va="center", fontsize=8, color=color)


def _frame_best(axes: Axes, means: Numbers, goal: str) -> None:
    finite = means[np.isfinite(means)]
    best = finite.max() if goal == "max" else finite.min()
    for y, x in np.argwhere(np.isclose(means, best, rtol=1e-12, atol=0.0)):
        frame = Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, edgecolor=_ACCENT, linewidth=2.5)
        axes.add_patch(frame)


def _cell_text(mean: float) -> str:
    if np.isnan(mean):
        return "–"
    return f"{mean:.0f}" if 1e4 <= abs(mean) < 1e6 else f"{mean:.4g}"


def _wrapped(text: str, width: int) -> str:
    """The text in lines of at most so many letters, three at most."""
    lines = textwrap.wrap(text, width, max_lines=3, placeholder=" …") or [""]
    return "\n".join(lines)
