"""Plots of the results: bars against peers, and curves; PNG and SVG."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.scaling import Curve
from voxgpu.bench.operators import Row


def operators(rows: Sequence[Row], folder: Path) -> None:
    """Plots a bar for every participant of an operation."""
    from voxgpu.bench.plots import operators_figure

    _save(operators_figure(rows), folder / "operators")


def curves(found: Sequence[Curve], name: str, x: str, y: str, scale: float, folder: Path) -> None:
    """Plots curves with logarithmic axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.6), layout="constrained")
    axes = figure.subplots()
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


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path.with_suffix(".png"), dpi=150)
    figure.savefig(path.with_suffix(".svg"))
