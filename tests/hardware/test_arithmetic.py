"""Subnormal numbers are kept, every operation rounds once, and nothing is contracted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.conformance.on_backend import NOWHERE, execute, prepared_with, same, type_of
from voxgpu.backends.base import Backend
from voxgpu.ids import ValueId
from voxgpu.image import Grid, Image
from voxgpu.optimize.step import FusedStep
from voxgpu.plan.node import Goal, Node, Plan
from voxgpu.primitives.catalogue import standard_primitives
from voxgpu.primitives.primitive import Value
from voxgpu.primitives.source import CONSTANT
from voxgpu.types import Type

pytestmark = pytest.mark.gpu

#: Limits of float32: zeros, subnormals, neighbors of powers of two, thirds, the largest.
NAMED = [
    *(0x00000000, 0x00000001, 0x00000002, 0x00400000, 0x007FFFFF, 0x00800000, 0x00800001),
    *(0x00FFFFFF, 0x01000000, 0x1A000000, 0x1FFFFFFF, 0x20000001, 0x33FFFFFF, 0x34000000),
    *(0x3EAAAAAB, 0x3F7FFFFF, 0x3F800000, 0x3F800001, 0x3FFFFFFF, 0x40400000, 0x40490FDB),
    *(0x4B7FFFFF, 0x4B800001, 0x5F000000, 0x5FFFFFFF, 0x7E800000, 0x7F7FFFFF, 0x7F800000),
    *(0x7FC00000, 0x80000000, 0x80000001, 0x807FFFFF, 0x80800000, 0xBF800001, 0xC0400000),
    *(0xFF7FFFFF, 0xFF800000),
]
COUNT = 64

_BY_NAME = {each.name: each for each in standard_primitives()}
_IMAGES = "(image of numbers, image of numbers)"


def _patterns() -> Any:
    """As many float32 as there are voxels along an axis; after the special ones, random bits."""
    rest = np.random.default_rng(9).integers(0, 1 << 32, COUNT - len(NAMED), np.uint64)
    return np.concatenate([np.array(NAMED, np.uint64), rest]).astype(np.uint32).view(np.float32)


class _Formulas:
    """A plan over the images a, b and c, in which every triple of patterns is a voxel."""

    def __init__(self) -> None:
        line = _patterns()
        grid = Grid.regular((COUNT,) * 3)
        arrays = np.meshgrid(line, line, line, indexing="ij")
        self.arrays = dict(zip("abc", map(np.ascontiguousarray, arrays), strict=True))
        self.given: dict[ValueId, Value] = {
            ValueId(name): Image(array, grid) for name, array in self.arrays.items()
        }
        self.nodes = {id: Node(CONSTANT, (), (str(id),)) for id in self.given}
        self.types: dict[ValueId, Type] = {id: type_of(v) for id, v in self.given.items()}

    def of(self, name: str, one: str, other: str) -> ValueId:
        """Adds a node."""
        node = Node(_BY_NAME[name + _IMAGES], (ValueId(one), ValueId(other)))
        self.nodes[node.id] = node
        self.types[node.id] = self.types[ValueId("a")]
        return node.id

    def plan(self, **goals: ValueId) -> Plan:
        """The plan that computes these goals."""
        found = tuple(Goal("find", id, label, NOWHERE, NOWHERE) for label, id in goals.items())
        return Plan(self.nodes, self.types, found)


def test_every_operation_rounds_once_and_keeps_denormals(backend: Backend) -> None:
    made = _Formulas()
    product, ratio = made.of("multiply", "a", "b"), made.of("divide", "a", "b")
    plan = made.plan(
        sum=made.of("add", "a", "b"),
        product=product,
        ratio=ratio,
        product_plus=made.of("add", product, "c"),
        product_minus=made.of("subtract", product, "c"),
        minus_product=made.of("subtract", "c", product),
        ratio_plus=made.of("add", made.of("multiply", ratio, "c"), "a"),
    )
    steps = [task.step for task in prepared_with(plan, made.given, backend).tasks]
    assert any(isinstance(each, FusedStep) for each in steps), "nothing could be contracted"
    found = execute(plan, made.given, backend)
    for label, expected in _expected(**made.arrays).items():
        assert same(found[label], Image(expected, found[label].grid)), label


def _expected(a: Any, b: Any, c: Any) -> dict[str, Any]:
    """The results of NumPy, which rounds every operation individually."""
    with np.errstate(all="ignore"):
        product, ratio = a * b, a / b
        return {
            "sum": a + b,
            "product": product,
            "ratio": ratio,
            "product_plus": product + c,
            "product_minus": product - c,
            "minus_product": c - product,
            "ratio_plus": ratio * c + a,
        }


def test_the_patterns_tell_the_difference() -> None:
    """Contraction and flushing to zero would change many of these voxels."""
    arrays = _Formulas().arrays
    a, b, c = (arrays[name] for name in "abc")
    with np.errstate(all="ignore"):
        wanted = _expected(a, b, c)["product_plus"]
        contracted = (a.astype(np.float64) * b + c).astype(np.float32)
        tiny = (np.abs(wanted) > 0) & (np.abs(wanted) < np.finfo(np.float32).tiny)
    assert np.count_nonzero(contracted != wanted) > np.count_nonzero(wanted != wanted) + 1000
    assert np.count_nonzero(tiny) > 1000
