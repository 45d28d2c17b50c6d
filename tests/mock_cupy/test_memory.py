"""Device memory is limited, separate from the host's, and poisoned before and after use."""

from __future__ import annotations

import ctypes
import gc
from typing import Any

import numpy as np
import pytest

from tests.mock_cupy.fixture import double, installed

__all__ = ["double"]

MIB = 1 << 20


def is_full_of(values: np.ndarray, byte: int) -> bool:
    return bool((values.reshape(-1).view(np.uint8) == byte).all())


def test_fresh_memory_is_garbage_and_freed_memory_is_poison(double: Any) -> None:
    array = double.empty((3, 5), np.float64)
    assert is_full_of(array.get(), 0xCD)
    array.set(np.ones((3, 5)))
    address = array.data.ptr
    del array
    again = double.empty(15, np.float64)
    assert again.data.ptr == address
    assert is_full_of(again.get(), 0xDD)


def test_host_cannot_reach_device_memory_by_its_address(double: Any) -> None:
    # Real device addresses never are addresses of the host; those of the mock cannot be either.
    assert double.empty(8, np.uint8).data.ptr >> 56


def test_pool_splits_joins_and_counts(double: Any) -> None:
    pool = double.cuda.MemoryPool()
    large = pool.malloc(4 * 512)
    first = large.ptr
    assert (pool.used_bytes(), pool.total_bytes(), pool.free_bytes()) == (2048, 2048, 0)
    del large
    assert (pool.used_bytes(), pool.total_bytes(), pool.free_bytes()) == (0, 2048, 2048)
    parts = [pool.malloc(size) for size in (1, 512, 600)]
    assert [part.ptr - first for part in parts] == [0, 512, 1024]
    assert pool.used_bytes() == 2048
    del parts[1]
    pool.free_all_blocks()
    assert pool.total_bytes() == 2048
    parts.clear()
    assert pool.n_free_blocks() == 1
    assert pool.malloc(2048).ptr == first
    pool.free_all_blocks()
    assert pool.total_bytes() == 0
    assert double.cuda.Device(0).mem_info[0] == 256 * MIB


def test_pool_takes_the_smallest_that_fits(double: Any) -> None:
    pool = double.cuda.MemoryPool()
    kept = {size: pool.malloc(size) for size in (4096, 1024, 8192)}
    wanted = kept[1024].ptr
    kept.clear()
    assert pool.malloc(700).ptr == wanted


def test_pool_gives_memory_of_one_stream_to_no_other(double: Any) -> None:
    pool = double.cuda.MemoryPool()
    with double.cuda.Stream(non_blocking=True) as stream:
        address = pool.malloc(512).ptr
    assert pool.malloc(512).ptr != address
    with stream:
        assert pool.malloc(512).ptr == address


def test_limit_of_a_pool(double: Any) -> None:
    pool = double.cuda.MemoryPool()
    pool.set_limit(size=MIB)
    assert pool.get_limit() == MIB
    half = pool.malloc(MIB // 2)
    with pytest.raises(double.cuda.memory.OutOfMemoryError, match="limit set to: 1,048,576"):
        pool.malloc(MIB)
    # Idle memory is returned before an allocation fails.
    del half
    assert pool.malloc(MIB).mem.size == MIB
    with pytest.raises(ValueError, match="out of range"):
        pool.set_limit(size=-1)
    pool.set_limit(fraction=0.5)
    assert pool.get_limit() == 128 * MIB


def test_device_has_so_much_memory_and_each_its_own() -> None:
    with installed(DOUBLE_GPU_MEMORY=str(MIB), DOUBLE_GPUS="2") as cupy:
        held = cupy.empty(MIB, np.uint8)
        assert cupy.cuda.runtime.memGetInfo() == (0, MIB)
        with pytest.raises(MemoryError, match="Out of memory allocating 512 bytes"):
            cupy.empty(1, np.uint8)
        with cupy.cuda.Device(1):
            assert cupy.empty(MIB, np.uint8).device.id == 1
        with pytest.raises(cupy.cuda.runtime.CUDARuntimeError) as caught:
            cupy.cuda.Memory(1)
        assert caught.value.status == 2
        del held
        assert cupy.empty(MIB // 2, np.uint8).size == MIB // 2


def test_allocation_that_is_to_fail_fails(double: Any) -> None:
    faults = double.testing_double
    faults.fail_allocation(2)
    double.empty(1)
    with pytest.raises(double.cuda.memory.OutOfMemoryError):
        double.empty(1)
    double.empty(1)
    assert faults.counters.allocations == 3
    faults.fail_allocation(1)
    faults.reset()
    double.empty(1)


def test_live_bytes_and_their_peak(double: Any) -> None:
    counters = double.testing_double.counters
    arrays = [double.empty(512, np.uint8) for _ in range(3)]
    with double.cuda.Device(1):
        other = double.empty(512, np.uint8)
    assert counters.live == {0: 1536, 1: 512}
    arrays.clear()
    del other
    gc.collect()
    assert counters.live == {0: 0, 1: 0}
    assert counters.peak == {0: 1536, 1: 512}
    double.testing_double.reset()
    assert counters.peak == {0: 0, 1: 0}


def test_memory_may_be_freed_before_work_of_its_own_stream_used_it(double: Any) -> None:
    memory = double.cuda.alloc_pinned_memory(64)
    host = np.frombuffer(memory, np.uint8, 64)
    host[:] = 5
    with double.cuda.Stream(non_blocking=True) as stream:
        scratch, result = double.empty(64, np.uint8), double.empty(64, np.uint8)
        scratch.set(host)
        result.data.copy_from_device_async(scratch.data, 64)
        address = scratch.data.ptr
        del scratch
        reused = double.empty(64, np.uint8)
        assert reused.data.ptr == address
        reused.data.memset_async(9, 64)
        stream.synchronize()
        assert is_full_of(result.get(), 5)
        assert is_full_of(reused.get(), 9)


def test_memory_that_is_freed_while_another_stream_uses_it_is_an_error(double: Any) -> None:
    memory = double.cuda.alloc_pinned_memory(64)
    host = np.frombuffer(memory, np.uint8, 64)
    stream = double.cuda.Stream(non_blocking=True)
    array = double.zeros(64, np.uint8)
    double.cuda.Device(0).synchronize()
    array.get(stream=stream, out=host, blocking=False)
    del array
    with pytest.raises(double.testing_double.StreamOrderError, match="freed"):
        stream.synchronize()
    stream.synchronize()
    assert is_full_of(host, 0xDD)


def test_pinned_memory_that_is_freed_while_a_copy_uses_it_is_an_error(double: Any) -> None:
    stream = double.cuda.Stream(non_blocking=True)
    array = double.empty(64, np.uint8)
    array.set(np.frombuffer(double.cuda.alloc_pinned_memory(64), np.uint8, 64), stream=stream)
    with pytest.raises(double.testing_double.StreamOrderError, match="by the host"):
        stream.synchronize()
    assert is_full_of(array.get(stream=stream), 0xDD)


def test_memory_of_an_owner_nobody_else_has_is_poisoned_when_it_is_gone(double: Any) -> None:
    class Owner:
        pass

    cuda = double.cuda
    held = double.zeros(512, np.uint8)

    def borrowed(owner: object) -> Any:
        memory = cuda.UnownedMemory(held.data.ptr + 256, 64, owner, 0)
        return double.ndarray((64,), np.uint8, memptr=cuda.MemoryPointer(memory, 0))

    keeper = Owner()
    array = borrowed(keeper)
    del array
    assert not held.get().any()
    array = borrowed(Owner())
    part = array[:32]
    del array
    assert not held.get().any()
    del part
    assert is_full_of(held.get()[256:320], 0xDD)
    assert not held.get()[:256].any() and not held.get()[320:].any()


def test_unowned_memory_finds_its_device(double: Any) -> None:
    with double.cuda.Device(1):
        array = double.empty(4, np.uint8)
    memory = double.cuda.UnownedMemory(array.data.ptr, 4, array)
    assert (memory.device_id, memory.size, int(memory)) == (1, 4, array.data.ptr)
    with pytest.raises(RuntimeError, match="null pointer"):
        double.cuda.UnownedMemory(0, 0, None)


def test_addresses_of_nothing_are_refused(double: Any) -> None:
    runtime = double.cuda.runtime
    array = double.empty(512, np.uint8)
    for address, size in ((array.data.ptr + 512, 1), (array.data.ptr, 513), (1 << 57, 1)):
        with pytest.raises(runtime.CUDARuntimeError, match="IllegalAddress"):
            runtime.memsetAsync(address, 0, size, 0)


def test_copies_by_address_are_of_the_kind_that_is_said(double: Any) -> None:
    runtime, counters = double.cuda.runtime, double.testing_double.counters
    first, second = double.zeros(16, np.uint8), double.empty(16, np.uint8)
    host = np.arange(16, dtype=np.uint8)
    runtime.memcpyAsync(first.data.ptr, host.ctypes.data, 16, runtime.memcpyHostToDevice, 0)
    runtime.memcpyAsync(second.data.ptr, first.data.ptr, 16, runtime.memcpyDefault, 0)
    with pytest.raises(runtime.CUDARuntimeError, match="InvalidValue"):
        runtime.memcpyAsync(second.data.ptr, first.data.ptr, 16, runtime.memcpyHostToDevice, 0)
    back = np.zeros(16, np.uint8)
    second.data.copy_to_host_async(ctypes.c_void_p(back.ctypes.data), 16)
    assert (back == host).all()
    assert (counters.host_to_device.count, counters.host_to_device.bytes) == (1, 16)
    assert (counters.device_to_device.count, counters.device_to_host.bytes) == (1, 16)
    assert counters.pageable_copies == 2


def test_copies_between_devices(double: Any) -> None:
    runtime, counters = double.cuda.runtime, double.testing_double.counters
    source = double.asarray(np.arange(8.0))
    ready = double.cuda.Stream.null.record()
    with double.cuda.Device(1):
        target = double.empty(8)
        stream = double.cuda.Stream(non_blocking=True)
        with pytest.raises(double.testing_double.StreamOrderError):
            target.data.copy_from_device_async(source.data, 64, stream)
        stream.wait_event(ready)
        target.data.copy_from_device_async(source.data, 64, stream)
        runtime.memcpyPeerAsync(target.data.ptr, 1, source.data.ptr, 0, 64, stream.ptr)
        assert (target.get(stream=stream) == np.arange(8.0)).all()
    assert (counters.peer.count, counters.peer.bytes) == (2, 128)


def test_pinned_memory_is_limited_kept_and_poisoned() -> None:
    with installed(DOUBLE_PINNED_LIMIT="4096") as cupy:
        pool = cupy.cuda.PinnedMemoryPool()
        pointer = pool.malloc(2048)
        array = np.frombuffer(pointer, np.float32, 512)
        assert is_full_of(array, 0xCD)
        assert array.ctypes.data == pointer.ptr == int(pointer)
        assert array.flags.writeable
        with pytest.raises(cupy.cuda.runtime.CUDARuntimeError, match="out of memory"):
            pool.malloc(4096)
        del pointer
        array[:] = 1
        del array
        assert pool.n_free_blocks() == 1
        # Of another size: idle memory is returned first.
        assert pool.malloc(4096).size() == 4096
        assert cupy.testing_double.counters.pinned_allocations == 2


def test_giving_memory_back_to_the_device_waits_for_it(double: Any) -> None:
    stream = double.cuda.Stream(non_blocking=True)
    memory = double.cuda.Memory(64)
    double.cuda.MemoryPointer(memory, 0).memset_async(1, 64, stream)
    assert not stream.done
    del memory
    assert stream.done
    assert double.testing_double.counters.device_frees == 1
    assert double.testing_double.counters.synchronizations == 0
