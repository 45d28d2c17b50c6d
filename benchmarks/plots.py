"""Plots of the results: bars against peers, and curves; PNG and SVG."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.report import peers
from benchmarks.scaling import Curve
from voxgpu.bench.operators import Row

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


def operators(rows: Sequence[Row], folder: Path) -> None:
    """Plots a bar for every participant of an operation, on a logarithmic axis."""
    plt = _pyplot()
    shown = [row for row in rows if row.timings]
    figure, axes = plt.subplots(figsize=(8.5, 0.62 * len(shown) + 1.2), layout="constrained")
    place, ticks = 0.0, []
    seen: set[str] = set()
    for row in shown:
        names = ["voxgpu", *sorted(peers(row), key=lambda n: row.timings[n].wall)]
        first = place
        for name in names:
            family = name.partition(" ")[0]
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
    axes.legend(loc="upper center", bbox_to_anchor=(0.4, 1.0 + 1.5 / len(shown)), ncols=4,
                frameon=False)  # fmt: skip
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    _save(figure, folder / "operators")


def curves(found: Sequence[Curve], name: str, x: str, y: str, scale: float, folder: Path) -> None:
    """Plots curves with logarithmic axes."""
    plt = _pyplot()
    figure, axes = plt.subplots(figsize=(7, 4.6), layout="constrained")
    for curve in found:
        places = [place for place, _ in curve.points]
        axes.plot(places, [each * scale for _, each in curve.points], marker="o", label=curve.name)
    axes.set_xscale("log", base=2 if name == "threads" else 10)
    axes.set_yscale("log")
    if name == "threads":
        axes.set_xticks(places, [f"{place:.0f}" for place in places])
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(which="both", alpha=0.25)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    _save(figure, folder / name)


def can_draw() -> bool:
    """Whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def _pyplot() -> Any:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path.with_suffix(".png"), dpi=150)
    figure.savefig(path.with_suffix(".svg"))
