"""Plots of cohorts: which files there are, what they show, and that nothing lies over another."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

matplotlib = pytest.importorskip("matplotlib")

from voxgpu.cohorts import plots  # noqa: E402
from voxgpu.cohorts.figures import distribution, heat_map, style  # noqa: E402
from voxgpu.cohorts.plots import curve_of, grid_of, short_values, write_plots  # noqa: E402
from voxgpu.cohorts.row import Row  # noqa: E402
from voxgpu.cohorts.statistics import Measured  # noqa: E402
from voxgpu.cohorts.summary import collected  # noqa: E402
from voxgpu.diagnostics import ImgqlError  # noqa: E402


def _sweep(columns: int, rows: int, cases: int = 3) -> Measured:
    """A sweep of two variables, in an order that is not that of their values; one mean is NaN."""
    generator = np.random.default_rng(0)
    every = [(f"{0.91 + h / 100:.2f}", str(8 + v)) for h in range(columns) for v in range(rows)]
    return collected(
        Row(
            f"c{case}",
            (("HI", hi), ("VI", vi)),
            {"dice": "nan" if (hi, vi) == every[-1] else float(generator.random()), "n": 1.0},
        )
        for case, (hi, vi) in product(range(cases), reversed(every))
    ).measured


def _texts(figure: Any) -> Iterator[tuple[str, Any]]:
    """The texts of a figure that are shown, with the boxes that they take."""
    canvas = matplotlib.backends.backend_agg.FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    found = []
    for axes in figure.axes:
        # With those on the left and right of the place where the title is.
        found += [axes.title, axes._left_title, axes._right_title, *axes.texts]
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            places = zip(axis.get_majorticklocs(), axis.get_ticklabels(), strict=False)
            found += [axis.label, axis.get_offset_text()]
            found += [text for place, text in places if low <= place <= high]
    for text in found:
        box = text.get_window_extent(renderer)
        if text.get_visible() and text.get_text() and box.width * box.height > 0:
            yield text.get_text(), box


def _check_layout(figure: Any) -> None:
    """No text lies over another one, or beyond the edges."""
    every = list(_texts(figure))
    for number, (text, box) in enumerate(every):
        assert box.x0 >= -1 and box.y0 >= -1, text
        assert box.x1 <= figure.bbox.x1 + 1 and box.y1 <= figure.bbox.y1 + 1, text
        for other, there in every[:number]:
            width = min(box.x1, there.x1) - max(box.x0, there.x0)
            height = min(box.y1, there.y1) - max(box.y0, there.y0)
            assert width < 1.5 or height < 1.5, (text, other)


def test_files_of_a_sweep_of_two_variables(tmp_path: Path) -> None:
    found = _sweep(2, 3)
    written = write_plots(tmp_path / "new", found, maximize=["dice"])
    assert [each.name for each in written] == [
        "distribution-dice.png",
        "heat-map-dice.png",
        "distribution-n.png",
    ]
    for path in written:
        with Image.open(path) as picture:
            assert picture.width > 400 and len(set(picture.convert("L").tobytes())) > 20
        assert "<svg" in path.with_suffix(".svg").read_text("utf-8")
    assert len(list((tmp_path / "new").iterdir())) == 6
    before = {each.name: each.read_bytes() for each in (tmp_path / "new").iterdir()}
    every = write_plots(tmp_path / "new", found)
    assert "heat-map-n.png" in {each.name for each in every}
    again = (tmp_path / "new" / "distribution-dice.svg").read_bytes()
    assert before["distribution-dice.svg"] == again


def test_a_heat_map_has_the_means_in_the_order_of_values() -> None:
    found = _sweep(7, 11, cases=4)
    grid = grid_of(found, "dice")
    assert grid is not None and (grid.fewest, grid.most) == (4, 4)
    assert grid.columns == ("HI", tuple(f"{0.91 + h / 100:.2f}" for h in range(7)))
    assert grid.rows == ("VI", tuple(str(8 + v) for v in range(11)))
    for (y, vi), (x, hi) in product(enumerate(grid.rows[1]), enumerate(grid.columns[1])):
        numbers = found.numbers["dice"][("HI", hi), ("VI", vi)]
        assert grid.means[y][x] == pytest.approx(np.mean(numbers), nan_ok=True)
    assert math.isnan(grid.means[10][6]) and not math.isnan(grid.means[9][6])
    with style():
        figure = heat_map("dice", grid, "max")
        axes = figure.axes[0]
        (frame,) = axes.patches
        best = np.unravel_index(np.nanargmax(grid.means), (11, 7))
        assert (frame.get_x() + 0.5, frame.get_y() + 0.5) == (best[1], best[0])
        assert len(axes.texts) == 77
        _check_layout(figure)


@pytest.mark.slow
@pytest.mark.parametrize(("columns", "rows"), [(2, 2), (11, 7), (40, 30), (3, 40), (120, 2)])
def test_texts_of_heat_maps_do_not_lie_over_one_another(columns: int, rows: int) -> None:
    found = _sweep(columns, rows, cases=1)
    grid = grid_of(found, "dice")
    assert grid is not None
    with style():
        _check_layout(heat_map("a label with many words " * 4, grid, "min"))


def test_values_that_are_paths_and_names_that_are_long() -> None:
    paths = [f"/data/project/a/folder/of/masks/mask_{n}_of_the_study.nii.gz" for n in range(5)]
    found = collected(
        Row("c", (("MASK", mask), ("A_VARIABLE_WITH_A_LONG_NAME", t)), {"v": float(n)})
        for n, (mask, t) in enumerate(product(paths, ("otsu", "li", "a" * 60)))
    ).measured
    short = short_values(found.combinations)
    assert [short["MASK", each] for each in paths] == [f"…{n}…" for n in range(5)]
    assert len(short["A_VARIABLE_WITH_A_LONG_NAME", "a" * 60]) < 30
    grid = grid_of(found, "v", short)
    assert grid is not None
    with style():
        _check_layout(heat_map("v", grid))
        _check_layout(distribution("v", plots._groups(found, "v", short), ""))


@pytest.mark.parametrize(
    "numbers", [[1e7 / 3], [1.0, 1.0, 1.0], [0.0, 1.0] * 40, list(range(3000)), [1e-9, 2e300]]
)
def test_distributions_of_few_and_many_numbers(numbers: list[float]) -> None:
    with style():
        figure = distribution("label $x_1$ (mm³) " * 6, {"": np.array(numbers, float)}, "2 NaN")
        _check_layout(figure)
    shown = [text for text, _ in _texts(figure)]
    assert any("n=" in each and "2 NaN" in each for each in shown)
    assert any("$x_1$" in each for each in shown)


def test_distributions_by_combination(tmp_path: Path) -> None:
    rows = [
        Row(f"c{case}", (("T", str(t)),), {"v": "nan" if t == 3 else float(case * t)})
        for case, t in product(range(9), range(1, 25))
    ]
    found = collected(rows).measured
    groups = plots._groups(found, "v", short_values(found.combinations))
    assert list(groups) == [f"T={t}" for t in range(1, 25)]
    assert groups["T=5"].tolist() == [case * 5.0 for case in range(9)]
    with style():
        figure = distribution("v", groups, "9 NaN not shown")
        _check_layout(figure)
    assert "no finite number" in {text for text, _ in _texts(figure)}


def test_a_sweep_of_many_values_of_one_variable_is_a_curve(tmp_path: Path) -> None:
    values = [f"{t / 10:.1f}" for t in range(40)]
    rows = [
        Row(f"c{case}", (("T", t),), {"v": case + float(t)})
        for case, t in product(range(5), reversed(values))
    ]
    found = collected(rows).measured
    swept = curve_of(found, "v")
    assert swept is not None and swept[0] == "T"
    assert swept[1].tolist() == [float(each) for each in values]
    assert swept[2] == pytest.approx(np.array([[1, 2, 3]]) + swept[1][:, None])
    names = {each.name for each in write_plots(tmp_path, found)}
    assert names == {"distribution-v.png", "curve-v.png"}


def test_labels_make_names_of_files_that_differ(tmp_path: Path) -> None:
    labels = ["a/b", "a:b", "A/B", "..", "体积 (mm³)", "x" * 300, ""]
    rows = [Row("c", (), {**dict.fromkeys(labels, 1.0), "only NaN": "nan", "text": "t"})]
    written = write_plots(tmp_path, collected(rows).measured)
    assert len({each.name.casefold() for each in written}) == len(labels)
    assert all(each.is_file() and each.parent == tmp_path for each in written)


def test_without_matplotlib_the_command_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(plots, "find_spec", lambda name: None)
    with pytest.raises(ImgqlError) as caught:
        write_plots(tmp_path / "new", _sweep(1, 1))
    assert "pip install 'voxgpu[plots]'" in str(caught.value.diagnostics[0])
    assert not (tmp_path / "new").exists()
