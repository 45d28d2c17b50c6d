"""Every primitive with its own implementation on a backend equals the reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from tests.backends.cpu.checked import checked_kernels
from tests.backends.cuda.emulated import emulated_gpu, prepare
from tests.conformance.on_backend import outcome_of, plan_of, same
from tests.cuda_emulator.module import requires_emulation
from tests.laws.random_plans import lit, steepness
from tests.primitives.images import masks, numbers, spacings
from tests.strategies import law
from voxgpu.backends.base import Backend
from voxgpu.backends.cpu.backend import Cpu
from voxgpu.backends.cpu.registry import KERNELS
from voxgpu.backends.cuda.precompile import kernels_of as kernels_of_plan
from voxgpu.backends.reference import ReferenceBackend
from voxgpu.codegen.cuda_renderer import CudaKernel
from voxgpu.image import Grid, Image
from voxgpu.primitives import internal
from voxgpu.primitives.catalogue import primitives_of, standard_primitives
from voxgpu.primitives.internal import OPERATORS
from voxgpu.primitives.primitive import Primitive
from voxgpu.types import ANY_IMAGE, BOOLEAN, BOOLEAN_IMAGE, NUMBER_IMAGE, TEXT, ImageOf, Type

PRIMITIVES = [
    each
    for each in (*standard_primitives(), *primitives_of(internal))
    if each.body is not None or KERNELS.find(each) is not None or each.family == "internal"
]
#: User-defined primitives: neighborhoods of any offsets, with any number outside.
PRIMITIVES += [*steepness.overloads, *lit.overloads]

SHAPES = array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=9) | st.sampled_from(
    [(1, 1), (1, 65), (3, 64), (2, 1, 130), (5, 4, 63), (1, 8, 8), (33, 2, 3)]
)

ELEMENTS = ["float32", "int16", "uint8", "int32", "uint16", "float64", "int8"]

#: Valid arguments, by the parameter's name, if most numbers would not be valid.
SENSIBLE: dict[str, st.SearchStrategy[Any]] = {
    "bins": st.sampled_from([2.0, 3.0, 7.0, 20.0, 300.0, 1.0, 2.5]),
    "k": st.sampled_from([1.0, 2.0, 5.0, 16.0, 20.0, 100.0, 300.0, 0.0, 2.5]),
    "radius": st.sampled_from([1.0, 2.0, 3.0, 11.0]),
    "operator": st.sampled_from(sorted(OPERATORS)),
    "kind": st.sampled_from(["dt", "pdt"]),
    "of": st.sampled_from(["region", "complement"]),
    "c": st.sampled_from([0.0, 0.5, 1.0, 0.3]),
}

BOUNDS = st.sampled_from([0.0, -0.0, 0.5, 1.0, -1.0, 2.0, 1.4142135, 0.9375, 3.3, 50.0, 1e30])
ODD = BOUNDS | st.sampled_from([np.inf, -np.inf, np.nan]) | st.floats(width=32)


#: Each combination of elements is a kernel that takes time to compile for the emulation.
ELEMENTS_ON_GPU = ["float32", "int16"]


@dataclass(frozen=True)
class Way:
    """A way to compute a primitive.

    backend   the backend
    entered   makes the context in which it computes
    """

    backend: Backend
    entered: Callable[[], AbstractContextManager[None]] = nullcontext

    def outcome_of(self, primitive: Primitive, values: list[Any], grid: Grid) -> Any:
        """The value of the primitive, or the exception."""
        with self.entered():
            return outcome_of(primitive, values, grid, self.backend)


@pytest.fixture(scope="module", params=["CPU", "emulated GPU"])
def ways(request: pytest.FixtureRequest) -> Iterator[dict[str, Way]]:
    """Ways to compute on a device, each held to one outcome of the reference."""
    if request.param == "emulated GPU":
        requires_emulation()
        with emulated_gpu() as gpu:
            prepare(gpu, _kernels_of_all())
            yield {"emulated GPU": Way(gpu)}
        return
    with closing(Cpu(1)) as serial, closing(Cpu(3)) as threads:
        yield {
            "one thread": Way(serial),
            "three threads": Way(threads),
            "checked accesses": Way(serial, checked_kernels),
        }


def _kernels_of_all() -> Iterator[CudaKernel]:
    """The generated kernels of the primitives for images of these elements."""
    grid = Grid.regular((2, 2, 2))
    for primitive in PRIMITIVES:
        kinds = [each.type for each in primitive.parameters]
        free = sum(_is_number_image(kind) for kind in kinds)
        for elements in product(ELEMENTS_ON_GPU, repeat=free):
            left = iter(elements)
            values: list[Any] = [_any_value(kind, left, grid) for kind in kinds]
            yield from kernels_of_plan(plan_of(primitive, values, grid)[0])


def _is_number_image(kind: Type) -> bool:
    return isinstance(kind, ImageOf) and kind != BOOLEAN_IMAGE


def _any_value(kind: Type, elements: Iterator[str], grid: Grid) -> Any:
    if isinstance(kind, ImageOf):
        element = next(elements) if _is_number_image(kind) else "bool"
        return Image(np.zeros(grid.shape, element), grid)
    return True if kind == BOOLEAN else "less" if kind == TEXT else 1.0


def _image(kind: ImageOf, shape: tuple[int, ...], elements: list[str]) -> st.SearchStrategy[Any]:
    if kind == BOOLEAN_IMAGE:
        return masks(shape) | st.booleans().map(lambda each: np.full(shape, each))
    return st.sampled_from(elements).flatmap(
        lambda element: (
            numbers(shape).map(lambda array: array.astype(element))
            if element.startswith("float")
            else numbers(shape, st.integers(-3, 120).map(float)).map(lambda a: a.astype(element))
        )
    )


@st.composite
def arguments(draw: Any, primitive: Primitive, elements: list[str]) -> tuple[list[Any], Grid]:
    shape = draw(SHAPES)
    grid = Grid.regular(shape, tuple(draw(spacings) for _ in shape))
    found: list[Any] = []
    for each in primitive.parameters:
        if isinstance(each.type, ImageOf):
            kind = NUMBER_IMAGE if each.type == ANY_IMAGE else each.type
            found.append(Image(draw(_image(kind, shape, elements)), grid))
        elif each.type == BOOLEAN:
            found.append(draw(st.booleans()))
        elif each.type == TEXT or each.name in SENSIBLE:
            found.append(draw(SENSIBLE[each.name]))
        else:
            found.append(draw(ODD))
    return found, grid


@pytest.mark.slow
@pytest.mark.parametrize("primitive", PRIMITIVES, ids=lambda each: each.name)
def test_a_primitive_comes_to_what_the_reference_says(
    primitive: Primitive, ways: dict[str, Way]
) -> None:
    elements = ELEMENTS_ON_GPU if "emulated GPU" in ways else ELEMENTS

    @given(arguments(primitive, elements))
    @law(40)
    def check(drawn: tuple[list[Any], Grid]) -> None:
        values, grid = drawn
        with np.errstate(all="ignore"):
            expected = outcome_of(primitive, values, grid, ReferenceBackend())
        for name, way in ways.items():
            if name == "checked accesses" and not _may_use_written_kernels(primitive):
                continue
            found = way.outcome_of(primitive, values, grid)
            assert same(found, expected), (name, found, expected)

    check()


def _may_use_written_kernels(primitive: Primitive) -> bool:
    """Whether accesses of its kernel can be checked; those of generated kernels cannot."""
    return primitive.body is None or KERNELS.find(primitive) is not None


def test_what_is_looked_at() -> None:
    """No primitive with a kernel is omitted."""
    names = {each.name.partition("(")[0] for each in PRIMITIVES}
    assert {"add", "near", "through", "volume", "average", "distance_compare"} <= names


def test_arrays_of_any_layout(ways: dict[str, Way]) -> None:
    """A user-defined primitive may return an array that is strided, or of the other byte order."""
    random = np.random.default_rng(2)
    grid = Grid.regular((4, 5, 6))
    plain = random.integers(-40, 40, (4, 5, 6)).astype(np.int16)
    layouts = [plain.astype(">i2"), np.asfortranarray(plain), np.repeat(plain, 2, axis=2)[..., ::2]]
    mask = np.asfortranarray(plain > 3)
    named = {each.name: each for each in PRIMITIVES}
    for name in (
        "greater(image of numbers, number)",
        "percentiles(image of numbers, image of true/false, number)",
        "threshold_count(image of numbers, number, string)",
        "labels(image of true/false)",
        "near(image of true/false)",
        "gradient(image of numbers)",
    ):
        primitive = named[name]
        for layout in layouts:
            values: list[Any] = []
            for each in primitive.parameters:
                if isinstance(each.type, ImageOf):
                    array = mask if each.type == BOOLEAN_IMAGE else layout
                    values.append(Image(array, grid))
                else:
                    values.append("less" if each.type == TEXT else 0.5)
            expected = outcome_of(primitive, values, grid, ReferenceBackend())
            for way in ways:
                found = ways[way].outcome_of(primitive, values, grid)
                assert same(found, expected), (name, way)
