"""Layouts of graphs: below their inputs, without overlaps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voxgpu.report.layered_layout import HEIGHT, layered


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, float], dict[str, list[str]]]:
    count = draw(st.integers(0, 14))
    names = [f"v{number}" for number in range(count)]
    widths = {each: draw(st.floats(20, 200)) for each in names}
    inputs = {
        each: draw(st.lists(st.sampled_from(names[:number]), max_size=3)) if number else []
        for number, each in enumerate(names)
    }
    return widths, inputs


@given(graphs())
def test_vertices_are_below_their_inputs_and_beside_each_other(
    graph: tuple[dict[str, float], dict[str, list[str]]],
) -> None:
    widths, inputs = graph
    layout = layered(widths, inputs)
    assert layout.places.keys() == widths.keys()
    for name, sources in inputs.items():
        for each in sources:
            assert layout.places[each][1] + HEIGHT < layout.places[name][1]
    for name, (x, y) in layout.places.items():
        assert widths[name] / 2 <= x + 1e-6 and x + widths[name] / 2 <= layout.width + 1e-6
        assert HEIGHT / 2 <= y <= layout.height
        for other, (x2, y2) in layout.places.items():
            if other != name and y == y2:
                assert abs(x - x2) >= (widths[name] + widths[other]) / 2 - 1e-6
    ends = {(upper, lower) for upper, lower, _ in layout.edges}
    assert ends == {(each, name) for name, sources in inputs.items() for each in sources}
    for upper, lower, points in layout.edges:
        assert points[0] == layout.places[upper] and points[-1] == layout.places[lower]
