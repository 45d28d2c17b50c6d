"""Device memory is reused in order, within a budget, and released."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.backends.cuda.emulated import gpu_on
from tests.mock_cupy.fixture import installed
from voxgpu.backends.cuda.device import CudaDevice
from voxgpu.backends.cuda.memory_pool import OutOfDeviceMemory
from voxgpu.backends.cuda.pinned_memory import PAGE

MIB = 1 << 20


@pytest.fixture
def machine() -> Iterator[tuple[CudaDevice, Any]]:
    """A device limited to 8 MiB, and its counters."""
    with installed() as cupy:
        gpu = gpu_on(cupy, 0, 8 * MIB)
        cupy.testing_double.reset()
        yield gpu.device, cupy.testing_double
        gpu.close()


def test_the_default_is_a_share_of_what_is_free() -> None:
    with installed(DOUBLE_GPU_MEMORY=str(100 * MIB)) as cupy:
        gpu = gpu_on(cupy, 0)
        assert gpu.device_storage.budget == int(70 * MIB)
        gpu.close()


def test_memory_is_used_again(machine: tuple[CudaDevice, Any]) -> None:
    device, double = machine
    for _ in range(20):
        array = device.empty((MIB,), np.uint8)
        del array
    assert double.counters.device_allocations == 1
    assert device.memory.reused == 19


def test_what_is_reused_holds_nothing_that_somebody_needs(
    machine: tuple[CudaDevice, Any],
) -> None:
    """An unfinished download keeps its array; the next array has another address."""
    device, _ = machine
    first, event = device.upload(np.full(MIB, 7, np.uint8))
    second = device.empty((MIB,), np.uint8)
    assert first.data.ptr != second.data.ptr
    assert (device.download(first, event) == 7).all()


def test_what_is_pinned_is_copied_from_where_it_is(machine: tuple[CudaDevice, Any]) -> None:
    """Copies made by NumPy are not pinned, and strided parts cannot be copied directly."""
    device, double = machine
    image = device.staged(np.arange(MIB // 4, dtype=np.int32).reshape(-1, 64))
    assert device.staged(image) is image
    before = double.counters.pinned_allocations
    array, event = device.upload(image)
    assert double.counters.pinned_allocations == before
    assert (device.download(array, event) == image).all()
    for other in (image + 1, image[:, 1:9], image[::2], image.T):
        assert device.staged(other) is not other
        array, event = device.upload(other)
        assert (device.download(array, event) == np.asarray(other)).all()
    part = image[2:5]
    assert device.staged(part) is part
    array, event = device.upload(part)
    assert (device.download(array, event) == part).all()


def test_an_upload_into_used_memory_comes_after_its_last_use(
    machine: tuple[CudaDevice, Any],
) -> None:
    """The mock detects missing events itself: the data is correct, and no error is raised."""
    device, _ = machine
    for value in range(6):
        array, event = device.upload(np.full(MIB, value, np.uint8))
        device.wait_for(event)
        copy = device.empty((MIB,), np.uint8)
        with device._device:
            copy.data.copy_from_device_async(array.data, MIB, device.compute)
        del array
        assert (device.download(copy, device.record_event()) == value).all()


def test_what_nobody_waited_for_is_not_written_over(machine: tuple[CudaDevice, Any]) -> None:
    device, _ = machine
    array, _ = device.upload(np.full(MIB, 3, np.uint8))
    address = array.data.ptr
    del array  # the copy may be unfinished
    zeros = device.zeros((MIB,), np.uint8)
    assert zeros.data.ptr == address
    assert not device.download(zeros, device.record_event()).any()


def test_the_budget_is_kept(machine: tuple[CudaDevice, Any]) -> None:
    device, double = machine
    arrays = [device.empty((MIB,), np.uint8) for _ in range(8)]
    with pytest.raises(OutOfDeviceMemory, match=r"1 MiB are needed .* of the 8 MiB .* 0 MiB"):
        device.empty((MIB,), np.uint8)
    assert double.counters.peak[0] <= 8 * MIB and device.memory.used == 8 * MIB
    arrays.pop()
    assert device.empty((MIB,), np.uint8).nbytes == MIB


def test_idle_memory_of_other_sizes_is_given_up(machine: tuple[CudaDevice, Any]) -> None:
    device, _ = machine
    for size in (3 * MIB, 4 * MIB):
        device.empty((size,), np.uint8)
    assert device.empty((7 * MIB,), np.uint8).nbytes == 7 * MIB


def test_others_are_asked_for_room(machine: tuple[CudaDevice, Any]) -> None:
    device, _ = machine
    held = [device.empty((MIB,), np.uint8) for _ in range(8)]
    asked: list[tuple[str, int]] = []

    def nothing(wanted: int) -> bool:
        asked.append(("nothing", wanted))
        return False

    def one(wanted: int) -> bool:
        asked.append(("one", wanted))
        held.pop()
        return True

    device.memory.on_memory_pressure[:] = [nothing, one]
    found = device.empty((2 * MIB,), np.uint8)
    assert found.nbytes == 2 * MIB and len(held) <= 6
    assert asked == [("nothing", 2 * MIB), ("one", 2 * MIB), ("one", 2 * MIB)]


def test_garbage_in_circles_takes_no_block_along(machine: tuple[CudaDevice, Any]) -> None:
    """Memory referenced only by garbage is collected with it; blocks must outlive that."""
    device, _ = machine
    circle: list[Any] = [device.empty((MIB,), np.uint8)]
    circle.append(circle)
    del circle
    gc.collect()
    again, event = device.upload(np.full(MIB, 9, np.uint8))
    assert (device.download(again, event) == 9).all()


def test_nothing_is_left(machine: tuple[CudaDevice, Any]) -> None:
    device, double = machine
    device.constant(np.arange(10))
    array, _ = device.upload(np.zeros(MIB, np.uint8))
    del array
    device.close()
    assert double.counters.live.get(0, 0) == 0


@pytest.mark.parametrize("size", [1, 4096, 3_571_200])
def test_pinned_memory_is_as_large_as_what_it_holds(
    machine: tuple[CudaDevice, Any], size: int
) -> None:
    """Budgets count bytes of voxels; CuPy's pool would lock up to twice as many."""
    device, double = machine
    array = device.pinned.array((size,), np.uint8)
    assert array is not None and array.flags.writeable
    assert size <= double.pinned_bytes() <= size + PAGE
    del array
    assert device.pinned.idle_bytes == double.pinned_bytes()


def test_pinned_memory_is_used_again_and_given_back(machine: tuple[CudaDevice, Any]) -> None:
    device, double = machine
    for size in (5000, 6000, 8000):
        array, event = device.upload(np.full(size, 3, np.uint8))
        assert (device.download(array, event) == 3).all()
    device.settle()
    assert double.counters.pinned_allocations == 2, "one for each direction"
    assert double.pinned_bytes() == device.pinned.idle_bytes == 2 * 8192
    device.close()
    assert double.pinned_bytes() == 0


def test_idle_pinned_memory_makes_room_for_more() -> None:
    with installed(DOUBLE_PINNED_LIMIT=str(MIB)) as cupy:
        gpu = gpu_on(cupy, 0, 8 * MIB)
        pinned = gpu.device.pinned
        held = pinned.array((MIB // 2,), np.uint8)
        assert pinned.array((MIB // 4,), np.uint8) is not None
        larger = pinned.array((MIB // 2,), np.uint8)
        assert held is not None and larger is not None
        assert pinned.array((1,), np.uint8) is None
        del held, larger
        gpu.close()
