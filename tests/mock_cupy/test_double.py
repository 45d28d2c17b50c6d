"""Arrays and devices of the mock behave like CuPy's, and the mock is removed after a test."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

from tests.mock_cupy.fixture import SITE, double, environment_of_processes, installed

__all__ = ["double"]


def test_array_knows_its_shape_and_place(double: Any) -> None:
    array = double.zeros((2, 3, 4), np.float32)
    assert (array.shape, array.dtype, array.size, array.ndim) == ((2, 3, 4), np.float32, 24, 3)
    assert (array.nbytes, array.itemsize, array.strides) == (96, 4, (48, 16, 4))
    assert array.flags.c_contiguous and array.flags["C_CONTIGUOUS"]
    assert array.device == double.cuda.Device(0)
    assert len(array) == 2
    assert "float32" in repr(array)
    assert array.__cuda_array_interface__["data"] == (array.data.ptr, False)


def test_array_lies_where_it_is_told(double: Any) -> None:
    memory = double.cuda.alloc(64)
    array = double.ndarray((4, 2), np.int32, memptr=memory + 16)
    assert array.data.ptr == memory.ptr + 16
    array.set(np.arange(8, dtype=np.int32).reshape(4, 2))
    whole = double.ndarray((64,), np.uint8, memptr=memory)
    assert (whole[16:48].view(np.int32).get() == np.arange(8)).all()


def test_views_share_their_bytes(double: Any) -> None:
    array = double.asarray(np.arange(24, dtype=np.int32).reshape(2, 3, 4))
    assert array.reshape(4, -1).shape == (4, 6)
    assert array.reshape((24,)).data.ptr == array.data.ptr
    assert array.ravel().shape == (24,)
    assert array.view(np.uint8).shape == (2, 3, 16)
    assert (array[1].get() == np.arange(12, 24).reshape(3, 4)).all()
    assert (array.ravel()[5:9].get() == np.arange(5, 9)).all()
    assert array.ravel()[-1].get() == 23
    assert array.ravel()[30:].size == 0
    assert (array[1:].get() == np.arange(12, 24).reshape(1, 3, 4)).all()
    with pytest.raises(ValueError, match="cannot reshape"):
        array.reshape(5, 5)
    with pytest.raises(ValueError, match="last axis"):
        double.empty((2, 3), np.uint8).view(np.uint16)
    with pytest.raises(IndexError):
        array[2]
    for refused in (array.__getitem__,):
        with pytest.raises(NotImplementedError):
            refused((0, 0))
        with pytest.raises(NotImplementedError):
            refused(slice(None, None, 2))


def test_nothing_becomes_an_array_of_the_host_by_itself(double: Any) -> None:
    array = double.zeros(1, np.float64)
    refused: list[Any] = [
        lambda: np.asarray(array),
        lambda: np.ones(1) + array,
        lambda: array + np.ones(1),
        lambda: np.sum(array),
        lambda: array + 1,
        lambda: float(array),
        lambda: int(array),
        lambda: bool(array),
        lambda: list(array),
    ]
    for each in refused:
        with pytest.raises(TypeError):
            each()
    with pytest.raises(TypeError, match="Implicit conversion to a NumPy array is not allowed"):
        np.asarray(array)
    assert double.testing_double.counters.synchronizations == 0


def test_copies_from_and_to_the_host_check_what_they_are_given(double: Any) -> None:
    array = double.zeros(4, np.float32)
    with pytest.raises(TypeError, match="Only numpy"):
        array.set(array)
    with pytest.raises(TypeError, match="float64"):
        array.set(np.zeros(4))
    with pytest.raises(ValueError, match="Shape mismatch"):
        array.set(np.zeros(5, np.float32))
    with pytest.raises(TypeError, match="cannot be obtained"):
        array.get(out=np.zeros(4))
    assert double.asnumpy(array).shape == double.asnumpy(np.zeros(4)).shape
    assert double.empty((0, 3)).get().shape == (0, 3)


def test_array_goes_to_the_device_in_use(double: Any) -> None:
    array = double.asarray(np.arange(5.0))
    assert double.asarray(array) is array
    double.cuda.Device(0).synchronize()
    with double.cuda.Device(1):
        moved = double.asarray(array)
        assert moved.device.id == 1
        assert (moved.get() == np.arange(5.0)).all()
        assert (pickle.loads(pickle.dumps(moved)).get() == np.arange(5.0)).all()


def test_devices(double: Any) -> None:
    cuda = double.cuda
    assert cuda.is_available() and cuda.runtime.getDeviceCount() == 2
    device = cuda.Device(1)
    assert (device.id, int(device), device.compute_capability) == (1, 1, "90")
    assert device.attributes["MultiProcessorCount"] == 4
    assert device.mem_info == (256 << 20, 256 << 20)
    with device, cuda.Device(0), device:
        assert cuda.Device() == device
    assert cuda.Device().id == 0
    seen = []
    device.use()
    thread = threading.Thread(target=lambda: seen.append(cuda.Device().id))
    thread.start()
    thread.join()
    assert (seen, cuda.Device().id) == ([0], 1)
    with pytest.raises(cuda.runtime.CUDARuntimeError, match="invalid device ordinal"):
        cuda.Device(2).use()
    properties = cuda.runtime.getDeviceProperties(0)
    assert (properties["major"], properties["totalGlobalMem"]) == (9, 256 << 20)


def test_peers(double: Any) -> None:
    runtime = double.cuda.runtime
    assert (runtime.deviceCanAccessPeer(0, 1), runtime.deviceCanAccessPeer(1, 1)) == (1, 0)
    runtime.deviceEnablePeerAccess(1)
    with pytest.raises(runtime.CUDARuntimeError) as caught:
        runtime.deviceEnablePeerAccess(1)
    assert caught.value.status == 704
    with installed(DOUBLE_PEER="0") as cupy:
        assert not cupy.cuda.runtime.deviceCanAccessPeer(0, 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("visible", "found"),
    [("", 0), ("0", 1), ("3,1", 2), ("1,7,0", 1), ("GPU-00000002-0000-0000-0000-000000000000", 1)],
)
def test_visible_devices(visible: str, found: int) -> None:
    with installed(DOUBLE_GPUS="4", CUDA_VISIBLE_DEVICES=visible) as cupy:
        assert cupy.cuda.runtime.getDeviceCount() == found
        assert cupy.cuda.is_available() == bool(found)
        if visible == "3,1":
            places = [cupy.cuda.Device(i).pci_bus_id for i in range(2)]
            assert places == ["0000:04:00.0", "0000:02:00.0"]
        if not found:
            with pytest.raises(cupy.cuda.runtime.CUDARuntimeError, match="no CUDA-capable"):
                cupy.empty(1)


def test_threads_share_a_device(double: Any) -> None:
    failed: list[BaseException] = []

    def compute(value: int) -> None:
        try:
            with double.cuda.Stream(non_blocking=True) as stream:
                for _ in range(50):
                    array = double.empty(64, np.uint8)
                    array.data.memset_async(value, 64)
                    assert (array.get(stream=stream) == value).all()
                    del array
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=compute, args=(value,)) for value in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert double.testing_double.counters.live == {0: 0}


def test_double_is_gone_after_the_test() -> None:
    before = sys.modules.get("cupy"), sys.modules.get("pynvml"), list(sys.path)
    with installed() as cupy:
        assert cupy.__file__.startswith(str(SITE))
        assert sys.modules["cupy"] is cupy
        first = cupy.ndarray
    with installed(DOUBLE_GPUS="3") as cupy:
        assert cupy.ndarray is not first
        assert cupy.cuda.runtime.getDeviceCount() == 3
    assert (sys.modules.get("cupy"), sys.modules.get("pynvml"), list(sys.path)) == before


def test_what_went_wrong_unseen_ends_the_test() -> None:
    with pytest.raises(AssertionError, match="freed"), installed() as cupy:
        array = cupy.zeros(4)
        cupy.cuda.Device(0).synchronize()
        host = np.frombuffer(cupy.cuda.alloc_pinned_memory(32), np.float64, 4)
        stream = cupy.cuda.Stream(non_blocking=True)
        array.get(stream=stream, out=host, blocking=False)
        del array


def test_other_processes_find_the_double() -> None:
    ask = "import cupy, pynvml; print(cupy.cuda.runtime.getDeviceCount(), pynvml.__file__)"
    answer = subprocess.run(
        [sys.executable, "-c", ask],
        env=environment_of_processes(DOUBLE_GPUS="3"),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert answer == ["3", str(SITE / "pynvml.py")]
