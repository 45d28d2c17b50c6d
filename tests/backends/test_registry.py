"""Which primitives have no kernel, and that those that have one run on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import pytest

from tests.backends.cuda.emulated import emulated_gpu
from tests.conformance.on_backend import outcome_of, plan_of, prepared_with, same
from tests.cuda_emulator.module import requires_emulation
from voxgpu.backends.cpu import registry as cpu
from voxgpu.backends.cpu.backend import Cpu
from voxgpu.backends.cuda import registry as cuda
from voxgpu.backends.registry import Registry
from voxgpu.image import Grid, Image
from voxgpu.optimize.step import FusedStep, NodeStep
from voxgpu.primitives import internal
from voxgpu.primitives.catalogue import primitives_of, standard_primitives
from voxgpu.primitives.primitive import AccessPattern, Primitive, Value
from voxgpu.primitives.simpleitk import SimpleITKNamespace
from voxgpu.types import BOOLEAN, BOOLEAN_IMAGE, COLOR_IMAGE, NUMBER, TEXT, ImageOf, SequenceOf

PRIMITIVES = (*standard_primitives(), *primitives_of(internal))

#: Primitives that no backend has a kernel for, by what computes them.
WITHOUT_KERNEL = {
    "NumPy": [
        "divide_by_number_imgql1(image of numbers, number)",
        "masked_standard_deviation(image of numbers, image of true/false)",
        "masked_median(image of numbers, image of true/false)",
        "masked_percentile(image of numbers, image of true/false, number)",
        "histogram(image of numbers, image of true/false, number, number, number)",
        "bounding_box(image of true/false)",
        "center_of_mass(image of true/false)",
        "center_of_mass_mm(image of true/false)",
        "label_statistics(image of numbers, image of numbers)",
        "relabel(image of numbers)",
    ],
    "SciPy filter": [
        "gaussian(image of numbers, number)",
        "median_filter(image of numbers, number)",
        "fill_holes(image of true/false)",
    ],
    "SciPy distance transform": [
        "hd(image of true/false, image of true/false)",
        "hd95(image of true/false, image of true/false)",
        "assd(image of true/false, image of true/false)",
        "nsd(image of true/false, image of true/false, number)",
    ],
    "SimpleITK filter": [
        "n4(image of numbers, image of true/false)",
        "resample(image of numbers, image of numbers)",
        "resample_like_region(image of numbers, image of true/false)",
        "resample_region(image of true/false, image of numbers)",
        "resample_region_like_region(image of true/false, image of true/false)",
        "resample_by(image of numbers, image of any kind, string)",
        "resample_region_by(image of true/false, image of any kind, string)",
        "resample_to(image of numbers, number)",
        "resample_to_each(image of numbers, sequence of number)",
        "resample_region_to(image of true/false, number)",
        "resample_region_to_each(image of true/false, sequence of number)",
        "resample_to_by(image of numbers, number, string)",
        "resample_to_each_by(image of numbers, sequence of number, string)",
        "resample_region_to_by(image of true/false, number, string)",
        "resample_region_to_each_by(image of true/false, sequence of number, string)",
    ],
}

#: Those that GPUs have a kernel for, so that images need not be copied to the host, and the CPU has
#: none.
WITHOUT_KERNEL_ON_CPU = {
    "NumPy": [
        "dice(image of true/false, image of true/false)",
        "jaccard(image of true/false, image of true/false)",
        "sensitivity(image of true/false, image of true/false)",
        "specificity(image of true/false, image of true/false)",
        "volume_in_mm(image of true/false)",
        "intensity_of_color(image of colors)",
        "red(image of colors)",
        "green(image of colors)",
        "blue(image of colors)",
        "alpha_of_color(image of colors)",
        "rgb(image of numbers, image of numbers, image of numbers)",
        "rgba(image of numbers, image of numbers, image of numbers, image of numbers)",
        "extract(image of numbers, sequence of number, sequence of number)",
        "extract_truth(image of true/false, sequence of number, sequence of number)",
        "extract_colors(image of colors, sequence of number, sequence of number)",
        "slice_volume(image of numbers, number, number)",
        "slice_volume_truth(image of true/false, number, number)",
    ],
}


def _reasons(registry: Registry) -> dict[str, str]:
    found = {each.name: registry.reason_for_reference(each) for each in PRIMITIVES}
    return {name: reason for name, reason in found.items() if reason}


def test_primitives_without_kernel_on_the_cpu() -> None:
    tables = (WITHOUT_KERNEL, WITHOUT_KERNEL_ON_CPU)
    expected = [
        (name, reason) for table in tables for reason, names in table.items() for name in names
    ]
    assert sorted(_reasons(cpu.KERNELS).items()) == sorted(expected)


def test_primitives_without_kernel_on_gpus() -> None:
    expected = [
        (name, f"{reason}, on the host")
        for reason, names in WITHOUT_KERNEL.items()
        for name in names
    ]
    assert sorted(_reasons(cuda.KERNELS).items()) == sorted(expected)


def test_simpleitk_has_no_kernels() -> None:
    (median, *_) = SimpleITKNamespace()["Median"]
    assert cpu.KERNELS.reason_for_reference(median) == "SimpleITK filter"
    assert cuda.KERNELS.reason_for_reference(median) == "SimpleITK filter, on the host"


def test_elements_that_a_kernel_does_not_take_are_named() -> None:
    found = cuda.KERNELS.reason_for_reference(internal.PERCENTILE_COMPARE, {"int64", "bool"})
    assert found == "NumPy for images of int64, on the host"
    assert not cuda.KERNELS.reason_for_reference(internal.PERCENTILE_COMPARE, {"int16", "bool"})


def test_a_primitive_is_implemented_once() -> None:
    with pytest.raises(AssertionError, match="implemented twice"):
        cpu.KERNELS.find(internal.TOUCHING)
        cpu.implements(internal.components_touching, scratch=0)(lambda a, b: a)


@contextmanager
def _without_reference(primitive: Primitive) -> Iterator[None]:
    """The reference of a primitive must not be called."""
    reference = primitive.reference

    def called(*_: Any) -> Any:
        raise AssertionError(f"the reference of {primitive.name} was called")

    object.__setattr__(primitive, "reference", called)
    try:
        yield
    finally:
        object.__setattr__(primitive, "reference", reference)


#: Arguments by the parameter's name; others are 1, or images of the right kind.
_ARGUMENTS: dict[str, Value] = {
    "bins": 4.0,
    "kind": "pdt",
    "of": "complement",
    "operator": "less",
    "k": 4.0,
    "m": 0.0,
    "M": 50.0,
}


def _arguments(primitive: Primitive, grid: Grid) -> list[Value]:
    random = np.random.default_rng(0)
    found: list[Value] = []
    for each in primitive.parameters:
        if each.name in _ARGUMENTS:
            found.append(_ARGUMENTS[each.name])
        elif each.type == BOOLEAN_IMAGE:
            found.append(Image(random.random(grid.shape) < 0.6, grid))
        elif isinstance(each.type, ImageOf):
            found.append(Image(random.integers(0, 60, grid.shape).astype(np.int16), grid))
        else:
            assert each.type in (NUMBER, BOOLEAN, TEXT), each
            found.append(True if each.type == BOOLEAN else 1.0)
    return found


def _keeps_the_grid(primitive: Primitive) -> bool:
    """Whether this test knows the type of the result and can make arguments."""
    kinds = [each.type for each in primitive.parameters]
    is_plain = COLOR_IMAGE not in (*kinds, primitive.result)
    is_plain = is_plain and not any(isinstance(each, SequenceOf) for each in kinds)
    return is_plain and primitive.grid_of is None and primitive.infer is None


def test_whatever_has_a_body_is_a_fused_kernel() -> None:
    """No backend has another way to generate a kernel for a single operation."""
    grid = Grid.regular((4, 5, 6))
    traced = [
        each
        for each in PRIMITIVES
        if each.body is not None and each.shape is not AccessPattern.SCALAR
    ]
    assert len(traced) > 50
    for primitive in traced:
        plan, given = plan_of(primitive, _arguments(primitive, grid), grid)
        backend = Cpu(1)
        (task,) = prepared_with(plan, given, backend).tasks
        backend.close()
        has_own = primitive in cpu.KERNELS.implementations
        assert has_own is (primitive in cuda.KERNELS.implementations), primitive.name
        assert isinstance(task.step, NodeStep if has_own else FusedStep), primitive.name


@pytest.mark.parametrize("name", ["cpu", "cuda"])
def test_registered_kernels_are_used(name: str) -> None:
    if name == "cuda":
        requires_emulation()
    registry = cpu.KERNELS if name == "cpu" else cuda.KERNELS
    grid = Grid.regular((4, 5, 6))
    tried = 0
    with emulated_gpu() if name == "cuda" else nullcontext(Cpu(1)) as backend:
        for primitive in filter(_keeps_the_grid, registry.implementations):
            arguments = _arguments(primitive, grid)
            expected = primitive.reference(list(arguments), grid if primitive.makes_image else None)
            with _without_reference(primitive):
                found = outcome_of(primitive, arguments, grid, backend)
            assert same(found, expected), primitive.name
            tried += 1
    assert tried >= 18
