"""Plots of what was measured: bars of operators against peers, and of a program by column."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from voxgpu.bench.comparison import Comparison
from voxgpu.bench.operators import Row, peers_with_time
from voxgpu.bench.peers import library_of

#: A fixed color for each participant, safe for color blindness (after Okabe and Ito).
COLORS = {
    "voxgpu": "#D55E00",
    "SimpleITK": "#0072B2",
    "scipy": "#56B4E9",
    "numpy": "#009E73",
    "numexpr": "#CC79A7",
    "cc3d": "#E69F00",
    "edt": "#8A6D00",
    "copy": "#B0B0B0",
}


def operators_figure(rows: Sequence[Row]) -> Figure:
    """A bar for every participant of an operation, on a logarithmic axis."""
    figure = Figure(figsize=(8.5, 0.62 * len(rows) + 1.2), layout="constrained")
    axes = figure.subplots()
    place, ticks = 0.0, []
    seen: set[str] = set()
    for row in rows:
        names = ["voxgpu", *sorted(peers_with_time(row), key=lambda n: row.timings[n].wall)]
        first = place
        for name in names:
            family = library_of(name)
            label = family if family not in seen else None
            seen.add(family)
            milliseconds = row.timings[name].wall * 1e3
            axes.barh(place, milliseconds, 0.85, color=COLORS.get(family, "#444444"), label=label)
            place += 1
        copy = row.timings["copy"].wall * 1e3
        label = None if "copy" in seen else "copying the same bytes"
        seen.add("copy")
        axes.plot([copy, copy], [first - 0.5, place - 0.5], color="black", lw=1.2, label=label)
        ticks.append(((first + place - 1) / 2, row.operation))
        place += 0.8
    axes.set_yticks([t for t, _ in ticks], [name for _, name in ticks])
    axes.set_ylim(place - 0.3, -1.0)
    axes.set_xscale("log")
    axes.set_xlabel("wall time (ms), logarithmic")
    axes.grid(axis="x", which="both", alpha=0.25)
    axes.set_axisbelow(True)
    axes.legend(loc="upper center", bbox_to_anchor=(0.4, 1.0 + 1.5 / len(rows)), ncols=4,
                frameon=False)  # fmt: skip
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure


def comparison_figure(found: Comparison) -> Figure:
    """A bar for each mode and column: the median of the time, from the shortest to the longest."""
    names = [each.name for each in found.columns]
    figure = Figure(
        figsize=(7, 0.4 * len(found.timings) * (len(names) + 1) + 1.2), layout="constrained"
    )
    axes = figure.subplots()
    colors = [*COLORS.values()]
    step = len(names) + 1
    for number, name in enumerate(names):
        rows = [timings[name] for timings in found.timings.values()]
        axes.barh(
            [place * step + number for place in range(len(rows))],
            [each.wall for each in rows],
            0.85,
            xerr=[
                [each.wall - each.shortest for each in rows],
                [each.longest - each.wall for each in rows],
            ],
            color=colors[number % len(colors)],
            label=name,
        )
    places = [number * step + (len(names) - 1) / 2 for number in range(len(found.timings))]
    axes.set_yticks(places, list(found.timings))
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("wall time (s), logarithmic")
    axes.grid(axis="x", which="both", alpha=0.25)
    axes.set_axisbelow(True)
    axes.legend(frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure
