"""Plots of a cohort as files: distributions of labels, and heat maps of two swept variables."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from math import nan
from os.path import commonprefix
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from voxgpu.cohorts.statistics import Measured, Numbers, swept_names
from voxgpu.cohorts.sweep import Combination
from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.files.whole_file import whole_file
from voxgpu.frozen import frozen

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Up to how many combinations have a row of their own in a plot of a distribution.
MOST_COMBINATIONS = 24

#: How long values of swept variables may be in a plot.
_LONGEST = 28

#: Dots per inch of PNG files.
_DPI = 150


@frozen(slots=True)
class Grid:
    """Means of a label for all pairs of values of two swept variables.

    columns, rows  the name of the variable along this axis, and its values in their order
    means          by row, then column; NaN where there is no finite number
    fewest, most   over how many cases these means are
    """

    columns: tuple[str, tuple[str, ...]]
    rows: tuple[str, tuple[str, ...]]
    means: tuple[tuple[float, ...], ...]
    fewest: int
    most: int


def check_matplotlib() -> None:
    """Raise ImgqlError if matplotlib is not installed."""
    if find_spec("matplotlib") is None:
        message = "plots need matplotlib, which is not installed"
        raise ImgqlError([Diagnostic("E402", message, help="pip install 'voxgpu[plots]'")])


def write_plots(
    folder: Path,
    found: Measured,
    maximize: Sequence[str] = (),
    minimize: Sequence[str] = (),
) -> list[Path]:
    """Draw PNG and SVG files into a folder; return the paths of the PNG files.

    maximize, minimize  labels of which there are heat maps, with the best mean framed; if both are
                        empty there are heat maps of all labels

    The distribution of each label is drawn, by combination if there are at most 24, and a heat map
    of its means if two variables are swept. Labels without a finite number are left out. Raises
    ImgqlError if matplotlib is not installed, FileError if a file cannot be written.
    """
    check_matplotlib()
    taken: set[str] = set()
    written = []
    with warnings.catch_warnings():
        # A letter that no font has is drawn as a box.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        for name, figure in _figures(found, maximize, minimize):
            stem = _file_name(name, taken)
            written.append(folder / f"{stem}.png")
            for suffix in ("png", "svg"):
                _save(figure, folder / f"{stem}.{suffix}", suffix)
                figure.set_layout_engine("none")  # the second file has the places of the first
    return written


def _figures(
    found: Measured, maximize: Sequence[str], minimize: Sequence[str]
) -> Iterator[tuple[str, Figure]]:
    """The figures one after the other, so that only one is in memory, each with its name."""
    from voxgpu.cohorts.figures import curve, distribution, heat_map, style

    goals = {label: "max" for label in maximize} | {label: "min" for label in minimize}
    short = short_values(found.combinations)
    with style():
        for label in found.numbers:
            note = _note(found, label)
            if note is None:
                continue
            yield f"distribution-{label}", distribution(label, _groups(found, label, short), note)
            swept = curve_of(found, label)
            if swept is not None:
                variable, places, quartiles = swept
                yield f"curve-{label}", curve(label, variable, places, quartiles, note)
            if not goals or label in goals:
                grid = grid_of(found, label, short)
                if grid is not None:
                    yield f"heat-map-{label}", heat_map(label, grid, goals.get(label))


def _groups(
    found: Measured, label: str, short: Mapping[tuple[str, str], str]
) -> dict[str, Numbers]:
    """The finite numbers of a label by the text of their combination, if these are few."""
    combinations = found.combinations
    if not 1 < len(combinations) <= MOST_COMBINATIONS:
        return {"": found.finite(label)}
    names = swept_names(combinations)
    groups = {}
    for each in combinations:
        text = ", ".join(f"{n}={short[n, value]}" for n, value in each if n in names)
        groups[text] = found.finite(label, each)
    return groups


def _note(found: Measured, label: str) -> str | None:
    """The note on what a plot of a label omits; None if there is no finite number."""
    total = found.statistics(label)
    if not total.count:
        return None
    parts = [f"{total.nan} NaN"] if total.nan else []
    parts += [f"{total.infinite} infinite"] if total.infinite else []
    left_out = [f"{' and '.join(parts)} not shown"] if parts else []
    count = len(found.combinations)
    every = [f"of all {count} combinations"] if count > MOST_COMBINATIONS else []
    return "; ".join([*every, *left_out])


def short_values(combinations: Iterable[Combination]) -> dict[tuple[str, str], str]:
    """Texts for the values of swept variables, by name and value, that tell them apart.

    Of values that are long, such as paths, what they all begin and end with is left out.
    """
    values: dict[str, dict[str, None]] = {}
    for each in combinations:
        for name, value in each:
            values.setdefault(name, {})[value] = None
    return {
        (name, value): text
        for name, every in values.items()
        for value, text in zip(every, _shortened(list(every)), strict=True)
    }


def _shortened(values: Sequence[str]) -> list[str]:
    if max(map(len, values)) <= _LONGEST or len(values) == 1:
        return [_cut(each) for each in values]
    start = len(commonprefix(values))  # noqa: RUF071 - by letter: values need not be paths
    rest = [each[start:] for each in values]
    end = len(commonprefix([each[::-1] for each in rest]))  # noqa: RUF071
    middle = [each[: len(each) - end] for each in rest]
    found = [_cut(f"{'…' if start else ''}{each}{'…' if end else ''}") for each in middle]
    return found if len(set(found)) == len(found) else list(values)


def _cut(text: str) -> str:
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]}…{text[-half:]}"


def curve_of(found: Measured, label: str) -> tuple[str, Numbers, Numbers] | None:
    """The one swept variable, its values, and the quartiles of a label for each of them.

    None if it is not one variable with many values that are numbers.
    """
    names = swept_names(found.combinations)
    if len(names) != 1 or len(found.combinations) <= MOST_COMBINATIONS:
        return None
    try:
        by_value = sorted((float(dict(each)[names[0]]), each) for each in found.combinations)
    except (KeyError, ValueError):
        return None
    every = [found.statistics(label, each) for _, each in by_value]
    quartiles = np.array([(each.q1, each.median, each.q3) for each in every])
    return names[0], np.array([value for value, _ in by_value]), quartiles


def grid_of(
    found: Measured, label: str, short: Mapping[tuple[str, str], str] | None = None
) -> Grid | None:
    """The means of a label in the grid of two swept variables; None if there are not two.

    short  texts that are shown for values
    """
    names = swept_names(found.combinations)
    if len(names) != 2:
        return None
    first, second = names
    values = [_in_order([dict(each).get(n, "") for each in found.combinations]) for n in names]
    by_pair = {
        (dict(each).get(first, ""), dict(each).get(second, "")): each for each in found.combinations
    }
    texts = [
        tuple((short or {}).get((name, each), each) for each in line)
        for name, line in zip(names, values, strict=True)
    ]
    means: list[tuple[float, ...]] = []
    counts: list[int] = []
    for row in values[1]:
        line = []
        for column in values[0]:
            each = by_pair.get((column, row))
            statistics = None if each is None else found.statistics(label, each)
            line.append(nan if statistics is None else statistics.mean)
            if statistics is not None and statistics.count:
                counts.append(statistics.count)
        means.append(tuple(line))
    return Grid(
        (first, texts[0]),
        (second, texts[1]),
        tuple(means),
        min(counts, default=0),
        max(counts, default=0),
    )


def _in_order(texts: Sequence[str]) -> tuple[str, ...]:
    """Values once each: numbers by size, anything else in the order of the sweep."""
    once = list(dict.fromkeys(texts))
    try:
        return tuple(sorted(once, key=float))
    except ValueError:
        return tuple(once)


def _file_name(name: str, taken: set[str]) -> str:
    """A name that any file system has, and that no other plot has."""
    safe = re.sub(r"[^\w.\-+()\[\]=]+", "_", name).strip("_.")
    # 255 bytes are a name's limit, and a letter may take four.
    stem = safe.encode()[:180].decode("utf-8", "ignore")
    number = 1
    while (unique := stem if number == 1 else f"{stem}-{number}").casefold() in taken:
        number += 1
    taken.add(unique.casefold())
    return unique


def _save(figure: Figure, path: Path, kind: str) -> None:
    # Files of equal figures are equal.
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    with whole_file(path) as temporary:
        figure.savefig(temporary, format=kind, dpi=_DPI, metadata=metadata)
