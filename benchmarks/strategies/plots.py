"""Plots for the page about strategies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

#: The ends of the names of the files.
NAMES = ("coordination", "programs", "memory")


def draw(data: dict[str, Any], folder: Path) -> None:
    """Writes the plots as PNG."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    drawn = (_coordination, _programs, _memory)
    for name, function in zip(NAMES, drawn, strict=True):
        figure, axes = plt.subplots(figsize=(8, 4.4), layout="constrained")
        function({key: each["data"] for key, each in data.items()}, axes)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        axes.grid(alpha=0.25)
        figure.savefig(folder / f"strategies-{name}.png", dpi=110)
        plt.close(figure)


def _coordination(data: dict[str, Any], axes: Any) -> None:
    import matplotlib

    colors = matplotlib.colormaps["tab20"].colors
    for number, (name, row) in enumerate(data["coordination"]["chain"].items()):
        places = [tasks for tasks, *_ in row["points"]]
        times = [wall / tasks * 1e6 for tasks, wall, *_ in row["points"]]
        width = 2.6 if name.startswith("engine, threads") else 1.3
        axes.plot(places, times, marker="o", lw=width, color=colors[number % 20], label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("tasks of a chain")
    axes.set_ylabel("time a task (µs)")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))


def _programs(data: dict[str, Any], axes: Any) -> None:
    names = list(data["programs"]["tumor"])
    for shift, program, color in ((-0.2, "tumor", "#0072B2"), (0.2, "sweep", "#D55E00")):
        found = [data["programs"][program].get(name, {}).get("wall", 0.0) for name in names]
        places = [number + shift for number in range(len(names))]
        axes.barh(places, found, 0.38, color=color, label=program)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("wall time (s)")
    axes.legend(frameon=False)


def _memory(data: dict[str, Any], axes: Any) -> None:
    styles = {"session, as in VoxLogicA-2": "#D55E00", "engine, threads": "#0072B2"}
    for name, color in styles.items():
        samples = data["profile"][f"sweep, {name}"]["memory"]
        times = [when for when, _ in samples]
        axes.plot(times, [taken / 1e6 for _, taken in samples], color=color, label=name)
    axes.set_xlabel("time (s)")
    axes.set_ylabel("memory of the process (MB)")
    axes.set_ylim(0)
    axes.legend(frameon=False)
