"""Contract tests that the mock and, if there is a GPU, CuPy must pass alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.mock_cupy.fixture import installed

SHIFT = """
extern "C" __global__ void shift(const float* source, float* target, float by, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) target[i] = source[i] + by;
}
"""


@pytest.fixture(params=["double", pytest.param("real", marks=pytest.mark.gpu)])
def cupy(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The mock; and CuPy, if it can be used."""
    if request.param == "double":
        with installed() as module:
            yield module
        return
    module = pytest.importorskip("cupy", reason="CuPy is not installed")
    if not module.cuda.is_available():
        pytest.skip("CuPy finds no GPU here")
    yield module


def test_round_trip(cupy: Any) -> None:
    host = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    array = cupy.asarray(host)
    assert (array.get() == host).all()
    assert (cupy.asnumpy(array) == host).all()
    assert (array.shape, array.dtype, array.size, array.ndim) == ((2, 3, 4), np.float32, 24, 3)
    assert (array.nbytes, array.itemsize, array.strides) == (96, 4, (48, 16, 4))
    assert array.flags.c_contiguous and array.flags.owndata
    assert array.device == cupy.cuda.Device()
    assert not cupy.zeros((2, 3), np.int16).get().any()
    assert cupy.empty(3).dtype == np.float64


def test_views(cupy: Any) -> None:
    array = cupy.asarray(np.arange(24, dtype=np.int32).reshape(2, 3, 4))
    assert array.reshape(4, -1).shape == (4, 6)
    assert array.ravel().data.ptr == array.data.ptr
    assert array.view(np.uint8).shape == (2, 3, 16)
    assert (array.ravel()[5:9].get() == np.arange(5, 9)).all()
    assert not array.ravel().flags.owndata
    for refused in (lambda: array.reshape(5, 5), lambda: cupy.empty(3, "u1").view("u2")):
        with pytest.raises(ValueError):
            refused()


def test_array_at_a_place(cupy: Any) -> None:
    memory = cupy.cuda.MemoryPool().malloc(1024)
    array = cupy.ndarray((8,), np.int32, memptr=memory + 32)
    assert array.data.ptr == memory.ptr + 32 == int(memory) + 32
    owner = object()
    unowned = cupy.cuda.UnownedMemory(memory.ptr, 1024, (owner, memory), array.device.id)
    whole = cupy.ndarray((256,), np.int32, memptr=cupy.cuda.MemoryPointer(unowned, 0))
    array.set(np.arange(8, dtype=np.int32))
    assert (whole[8:16].get() == np.arange(8)).all()


def test_array_of_another_library(cupy: Any) -> None:
    class Other:
        def __init__(self) -> None:
            self.array = cupy.asarray(np.arange(6, dtype=np.int32).reshape(2, 3))

        @property
        def __cuda_array_interface__(self) -> dict[str, Any]:
            return {**self.array.__cuda_array_interface__, "stream": None}

    other = Other()
    taken = cupy.asarray(other)
    assert taken.data.ptr == other.array.data.ptr and taken.shape == (2, 3)
    assert (taken.get() == np.arange(6).reshape(2, 3)).all()


def test_refused_conversions(cupy: Any) -> None:
    array = cupy.zeros(3, np.float32)
    message = "Implicit conversion to a NumPy array is not allowed"
    with pytest.raises(TypeError, match=message):
        np.asarray(array)
    with pytest.raises(TypeError, match="Unsupported type"):
        np.ones(3) + array
    with pytest.raises(TypeError, match="Only numpy"):
        array.set(array)
    with pytest.raises(TypeError, match="cannot be set"):
        array.set(np.zeros(3))
    with pytest.raises(ValueError, match="Shape mismatch"):
        array.set(np.zeros(4, np.float32))
    with pytest.raises(TypeError):
        array.get(out=np.zeros(3))


def test_streams_and_events(cupy: Any) -> None:
    cuda = cupy.cuda
    first, second = cuda.Stream(non_blocking=True), cuda.Stream(non_blocking=True)
    memory = cuda.alloc_pinned_memory(64)
    host = np.frombuffer(memory, np.float32, 16)
    host[:] = 7
    array, back = cupy.empty(16, np.float32), np.zeros(16, np.float32)
    array.set(host, stream=first)
    event = first.record()
    second.wait_event(event)
    array.get(stream=second, out=back, blocking=False)
    second.synchronize()
    assert (back == 7).all()
    assert event.done and second.done and first.done
    last = second.record()
    last.synchronize()
    assert cuda.get_elapsed_time(event, last) >= 0
    assert cuda.Event(disable_timing=True).done
    with first:
        assert cuda.get_current_stream() == first
    assert cuda.get_current_stream() == cuda.Stream.null


def test_pool(cupy: Any) -> None:
    pool = cupy.cuda.MemoryPool()
    pointer = pool.malloc(1000)
    assert (pointer.mem.size, pool.used_bytes(), pool.total_bytes()) == (1024, 1024, 1024)
    place = pointer.ptr
    del pointer
    assert (pool.used_bytes(), pool.free_bytes(), pool.n_free_blocks()) == (0, 1024, 1)
    first, second = pool.malloc(512), pool.malloc(512)
    assert {first.ptr, second.ptr} == {place, place + 512}
    pool.set_limit(size=2048)
    assert pool.get_limit() == 2048
    with pytest.raises(cupy.cuda.memory.OutOfMemoryError, match="limit set to: 2,048 bytes"):
        pool.malloc(4096)
    with pytest.raises(ValueError):
        pool.set_limit(size=-1)
    del first, second
    assert pool.malloc(2048).mem.size == 2048
    pool.free_all_blocks()
    assert (pool.total_bytes(), pool.malloc(0).ptr) == (0, 0)


def test_copies_by_address(cupy: Any) -> None:
    runtime = cupy.cuda.runtime
    host, back = np.arange(16, dtype=np.uint8), np.zeros(16, np.uint8)
    stream = cupy.cuda.Stream(non_blocking=True)
    with stream:
        first, second = cupy.empty(16, np.uint8), cupy.empty(16, np.uint8)
        first.data.copy_from_host_async(host.ctypes.data, 16, stream)
        second.data.copy_from_device_async(first.data, 16, stream)
        second.data.copy_to_host_async(back.ctypes.data, 16, stream)
        runtime.streamSynchronize(stream.ptr)
        assert (back == host).all()
        second.data.memset_async(3, 8, stream)
        runtime.memsetAsync(second.data.ptr + 8, 4, 8, stream.ptr)
        kind = runtime.memcpyDeviceToHost
        runtime.memcpyAsync(back.ctypes.data, second.data.ptr, 16, kind, stream.ptr)
        stream.synchronize()
    assert back.tolist() == [3] * 8 + [4] * 8


def test_device(cupy: Any) -> None:
    cuda = cupy.cuda
    device = cuda.Device(0)
    with device:
        assert (cuda.Device().id, int(device), device) == (0, 0, cuda.Device(0))
    properties = cuda.runtime.getDeviceProperties(0)
    assert device.compute_capability == f"{properties['major']}{properties['minor']}"
    assert device.attributes["MultiProcessorCount"] == properties["multiProcessorCount"] > 0
    assert isinstance(properties["name"], bytes)
    assert properties["sharedMemPerBlock"] >= 48 << 10
    assert 0 <= device.mem_info[0] <= device.mem_info[1] <= properties["totalGlobalMem"]
    assert cuda.runtime.deviceCanAccessPeer(0, 0) == 0
    assert len(device.pci_bus_id) == len("0000:01:00.0")
    with pytest.raises(cuda.runtime.CUDARuntimeError, match="invalid device ordinal") as caught:
        cuda.Device(cuda.runtime.getDeviceCount()).use()
    assert caught.value.status == 101


def test_kernel(cupy: Any) -> None:
    kernel = cupy.RawModule(code=SHIFT).get_function("shift")
    source, target = cupy.asarray(np.arange(100, dtype=np.float32)), cupy.empty(100, np.float32)
    kernel((2,), (64,), (source, target, np.float32(0.5), np.int32(100)))
    assert (target.get() == np.arange(100) + 0.5).all()
    with pytest.raises(TypeError):
        kernel((2,), (64,), (source.get(), target, np.float32(0.5), np.int32(100)))
    with pytest.raises(cupy.cuda.driver.CUDADriverError, match="not found"):
        cupy.RawModule(code=SHIFT).get_function("missing")
    with pytest.raises(cupy.cuda.driver.CUDADriverError, match="INVALID_VALUE"):
        kernel((1,), (1025,), (source, target, np.float32(0.5), np.int32(100)))
    kernel.max_dynamic_shared_size_bytes = 0
    assert kernel.max_threads_per_block >= 1024


def test_pinned_memory(cupy: Any) -> None:
    pool = cupy.cuda.PinnedMemoryPool()
    pointer = pool.malloc(35_712)
    assert pointer.size() == 65_536, "a power of two"
    array = np.frombuffer(pointer, np.float64, 100)
    array[:] = 1
    assert array.ctypes.data == pointer.ptr
    del array, pointer
    assert pool.n_free_blocks() == 1
    pool.free_all_blocks()
    assert pool.n_free_blocks() == 0
