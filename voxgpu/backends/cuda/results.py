"""Conversion of kernel results to values: images and numbers that are still on the device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from voxgpu.backends.base import StepResult
from voxgpu.backends.cuda.device import CudaDevice
from voxgpu.backends.cuda.launch import Array
from voxgpu.backends.cuda.registry import CheckedImage, FinishedNumber
from voxgpu.backends.cuda.values import (
    DeviceImage,
    DeviceNumber,
    Finish,
    ScalarTransfer,
    dependencies_of,
    nothing_unless,
    number_at,
    unless_empty,
)
from voxgpu.deferred import DeferredValue
from voxgpu.ids import ValueId
from voxgpu.image import Grid, Image
from voxgpu.primitives.primitive import Primitive, Value


def image_result(
    array: Array, grid: Grid, arguments: Sequence[Value], device: CudaDevice
) -> DeviceImage:
    """Returns an image with these voxels; it is undefined if an argument is."""
    event = device.record_event()
    return DeviceImage(
        array, grid, device, event, is_copied=False, sources=dependencies_of(arguments)
    )


def reduced_results(
    scalars: Sequence[tuple[ValueId, int | None, str]],
    array: Array,
    sources: Sequence[tuple[DeferredValue, ...]],
    device: CudaDevice,
) -> list[StepResult]:
    """Returns the numbers of a generated kernel; empty masks are detected when they are fetched.

    scalars  for each number: its id; the index of the count that must not be 0, or None; the name
             of the mask counted
    array    the numbers, then the counts of masks
    sources  for each number: the arguments that may turn out to be undefined
    """
    transfer = ScalarTransfer(device, array, device.record_event())
    made: list[StepResult] = []
    check = len(scalars)
    for place, (id, required_nonzero, mask) in enumerate(scalars):
        finish: Finish = partial(number_at, place)
        if required_nonzero is not None:
            finish = partial(unless_empty, place, check, mask)
            check += 1
        is_defined = required_nonzero is None
        made.append(
            DeviceNumber(id, transfer, finish, place, sources[place], always_defined=is_defined)
        )
    return made


def call_result(
    result: Array | CheckedImage | FinishedNumber,
    arguments: Sequence[Value],
    grid: Grid | None,
    id: ValueId,
    device: CudaDevice,
) -> StepResult:
    """Wraps the result of a hand-written kernel; ``grid`` is None for numbers."""
    sources = dependencies_of(arguments)
    event = device.record_event()
    if grid is None:
        finish: Finish = partial(number_at, 0)
        place: int | None = 0
        if isinstance(result, FinishedNumber):
            result, finish, place = result.array, result.to_value, None
        numbers = ScalarTransfer(device, result, event)
        return DeviceNumber(id, numbers, finish, place, sources, always_defined=place is not None)
    if isinstance(result, CheckedImage):
        validity = ScalarTransfer(device, result.validity, event)
        check = DeviceNumber(id, validity, partial(nothing_unless, result.problem))
        sources = (*sources, check)
        result = result.array
    assert not isinstance(result, FinishedNumber)
    return DeviceImage(result, grid, device, event, is_copied=False, sources=sources)


def batch_results(
    primitive: Primitive,
    batch: Sequence[tuple[ValueId, list[Value]]],
    results: Any,
    device: CudaDevice,
) -> Iterator[tuple[ValueId, StepResult]]:
    """Wraps the results of a batch: an array for each image, or one array of numbers."""
    if primitive.makes_image:
        for (id, arguments), array in zip(batch, results, strict=True):
            image = next(each for each in arguments if isinstance(each, Image))
            yield id, image_result(array, image.grid, arguments, device)
        return
    transfer = ScalarTransfer(device, results, device.record_event())
    for place, (id, arguments) in enumerate(batch):
        sources = dependencies_of(arguments)
        finish = partial(number_at, place)
        yield id, DeviceNumber(id, transfer, finish, place, sources, always_defined=True)
