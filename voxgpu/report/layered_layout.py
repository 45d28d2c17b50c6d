"""Layout of directed acyclic graphs in layers, from the top down.

Method: layers by longest paths, bends of long edges as vertices without text, orders within layers
by the medians of neighbors (Sugiyama, Tagawa, Toda, Methods for visual understanding of
hierarchical system structures, 1981), and positions that move towards those of neighbors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from voxgpu.frozen import frozen

#: Space between vertices of a layer, between layers, and the height of a vertex, in user units.
GAP, LAYER_GAP, HEIGHT = 14.0, 34.0, 36.0

#: Rounds of ordering, and of moving towards neighbors.
_ROUNDS = 8


@frozen
class Layout:
    """Centers of vertices, the points of each edge, and the size of the whole, in user units."""

    places: Mapping[str, tuple[float, float]]
    edges: Sequence[tuple[str, str, Sequence[tuple[float, float]]]]
    width: float
    height: float


@dataclass
class _Graph:
    """The graph with bends; every edge leads from one layer to the next."""

    layers: list[list[str]]
    widths: dict[str, float]
    above: dict[str, list[str]] = field(default_factory=dict)
    below: dict[str, list[str]] = field(default_factory=dict)
    routes: list[tuple[str, str, list[str]]] = field(default_factory=list)

    def join(self, upper: str, lower: str) -> None:
        self.below.setdefault(upper, []).append(lower)
        self.above.setdefault(lower, []).append(upper)


def layered(widths: Mapping[str, float], inputs: Mapping[str, Sequence[str]]) -> Layout:
    """Place vertices so that each is below its inputs.

    widths  of the vertices, by name, each after its inputs
    inputs  the names of the inputs of each vertex
    """
    graph = _with_bends(widths, inputs)
    for turn in range(_ROUNDS):
        _order(graph, downward=turn % 2 == 0)
    across = _positions(graph)
    left = min((x - graph.widths[name] / 2 for name, x in across.items()), default=0.0)
    right = max((x + graph.widths[name] / 2 for name, x in across.items()), default=0.0)
    step = HEIGHT + LAYER_GAP
    layer_of = {name: number for number, layer in enumerate(graph.layers) for name in layer}
    places = {
        name: (across[name] - left + GAP, layer_of[name] * step + HEIGHT / 2 + GAP)
        for name in across
    }
    edges = [
        (upper, lower, [places[each] for each in (upper, *bends, lower)])
        for upper, lower, bends in graph.routes
    ]
    return Layout(
        {name: places[name] for name in widths},
        edges,
        right - left + 2 * GAP,
        max(len(graph.layers) * step - LAYER_GAP, 0.0) + 2 * GAP,
    )


def _with_bends(widths: Mapping[str, float], inputs: Mapping[str, Sequence[str]]) -> _Graph:
    layer: dict[str, int] = {}
    for name in widths:
        layer[name] = 1 + max((layer[each] for each in inputs.get(name, ())), default=-1)
    # Sources move down to just above what uses them first.
    users: dict[str, int] = {}
    for name in widths:
        for each in inputs.get(name, ()):
            users[each] = min(users.get(each, layer[name]), layer[name])
    for name in widths:
        if not inputs.get(name) and name in users:
            layer[name] = users[name] - 1
    graph = _Graph([[] for _ in range(max(layer.values(), default=-1) + 1)], dict(widths))
    for name in widths:
        graph.layers[layer[name]].append(name)
    for name in widths:
        for each in dict.fromkeys(inputs.get(name, ())):
            bends = []
            for number in range(layer[each] + 1, layer[name]):
                # The null character is in no name that is given.
                bend = f"{each}\0{name}\0{number}"
                graph.layers[number].append(bend)
                graph.widths[bend] = 2.0
                bends.append(bend)
            path = [each, *bends, name]
            for upper, lower in pairwise(path):
                graph.join(upper, lower)
            graph.routes.append((each, name, bends))
    return graph


def _order(graph: _Graph, downward: bool) -> None:
    """Sort each layer by the median of its neighbors in the layer before, or behind."""
    neighbors = graph.above if downward else graph.below
    order = graph.layers if downward else graph.layers[::-1]
    for before, layer in pairwise(order):
        place = {name: number for number, name in enumerate(before)}
        current = {name: number for number, name in enumerate(layer)}

        medians = {
            name: _median([place[each] for each in neighbors.get(name, ())], current[name])
            for name in layer
        }
        layer.sort(key=medians.__getitem__)


def _median(places: list[int], default: int) -> float:
    if not places:
        return float(default)
    places.sort()
    return (places[(len(places) - 1) // 2] + places[len(places) // 2]) / 2


def _positions(graph: _Graph) -> dict[str, float]:
    """Centers along each layer: near the mean of neighbors, without overlaps."""
    across: dict[str, float] = {}
    for layer in graph.layers:
        total = sum(graph.widths[each] + GAP for each in layer) - GAP
        at = -total / 2
        for each in layer:
            across[each] = at + graph.widths[each] / 2
            at += graph.widths[each] + GAP
    for turn in range(_ROUNDS):
        layers = graph.layers if turn % 2 == 0 else graph.layers[::-1]
        neighbors = graph.above if turn % 2 == 0 else graph.below
        for layer in layers:
            wanted = []
            for each in layer:
                near = [across[other] for other in neighbors.get(each, ())]
                wanted.append(sum(near) / len(near) if near else across[each])
            _spread(graph, layer, wanted, across)
    return across


def _spread(
    graph: _Graph, layer: Sequence[str], wanted: Sequence[float], across: dict[str, float]
) -> None:
    """Put a layer near where its vertices want to be: the mean of packing from either side."""
    right, left = [], []
    edge = float("-inf")
    for name, where in zip(layer, wanted, strict=True):
        half = graph.widths[name] / 2
        at = max(where, edge + half)
        right.append(at)
        edge = at + half + GAP
    edge = float("inf")
    for name, where in zip(reversed(layer), reversed(wanted), strict=True):
        half = graph.widths[name] / 2
        at = min(where, edge - half)
        left.append(at)
        edge = at - half - GAP
    for name, one, other in zip(layer, right, reversed(left), strict=True):
        across[name] = (one + other) / 2
