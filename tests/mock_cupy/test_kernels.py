"""Kernels run on the mock as on a device, and invalid launches are rejected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.mock_cupy.fixture import cubin_of, double

__all__ = ["double"]

KERNELS = """
extern "C" __global__ void copy_bytes(const unsigned char* source, unsigned char* target) {
  target[threadIdx.x] = source[threadIdx.x];
}

// Adds a number to all, or to those there are.
extern "C" __global__ void __launch_bounds__(64) shift(const float* __restrict__ source,
                                                       float* target, float by, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) target[i] = source[i] + by;
}
"""


@pytest.fixture
def shift(double: Any) -> Any:
    module = double.cuda.Module()
    module.load(cubin_of(KERNELS))
    return module.get_function("shift")


def test_kernel_runs_when_somebody_waits(double: Any, shift: Any) -> None:
    counters = double.testing_double.counters
    source, target = double.asarray(np.arange(100, dtype=np.float32)), double.empty(100, np.float32)
    before = counters.synchronizations
    shift((2,), (64,), (source, target, np.float32(0.5), np.int32(100)))
    assert counters.launches == ["shift"]
    assert counters.synchronizations == before
    assert (target.get() == np.arange(100) + 0.5).all()


def test_kernel_reads_what_is_constant_and_writes_the_rest(double: Any, shift: Any) -> None:
    first, second = (double.cuda.Stream(non_blocking=True) for _ in range(2))
    arrays = [double.zeros(4, np.float32) for _ in range(3)]
    double.cuda.Device(0).synchronize()
    last = np.float32(1), np.int32(4)
    shift((1,), (4,), (arrays[0], arrays[1], *last), stream=first)
    shift((1,), (4,), (arrays[0], arrays[2], *last), stream=second)
    with pytest.raises(double.testing_double.StreamOrderError, match="kernel shift"):
        shift((1,), (4,), (arrays[1], arrays[2], *last), stream=second)
    with pytest.raises(double.testing_double.StreamOrderError, match="writes"):
        shift((1,), (4,), (arrays[2], arrays[0], *last), stream=second)
    assert len(double.testing_double.counters.launches) == 2
    double.cuda.Device(0).synchronize()


def test_what_a_kernel_only_reads_is_known_where_macros_say_it(double: Any) -> None:
    text = """
#define ARGUMENTS(TYPE) const TYPE* source, TYPE* __restrict__ target, int n
// extern "C" __global__ void said(float* target) {}
extern "C" __global__ void made_bytes(ARGUMENTS(unsigned char)) {}
"""
    module = double.cuda.Module()
    module.load(cubin_of(text))
    assert module.get_function("made_bytes")._constant == (True, False, False)
    for missing in ("said", "made"):
        with pytest.raises(double.cuda.driver.CUDADriverError, match="not found"):
            module.get_function(missing)


def test_kernel_takes_arrays_of_its_device_and_numbers(double: Any, shift: Any) -> None:
    array = double.zeros(4, np.float32)
    with double.cuda.Device(1):
        other = double.zeros(4, np.float32)
        stream = double.cuda.Stream(non_blocking=True)
    last = np.float32(1), np.int32(4)
    with pytest.raises(TypeError, match="shape"):
        shift((1,), (4,), (np.zeros(4, np.float32), array, *last))
    with pytest.raises(RuntimeError, match="on device 1"):
        shift((1,), (4,), (other, array, *last))
    with pytest.raises(double.cuda.driver.CUDADriverError, match="invalid resource handle"):
        shift((1,), (4,), (array, array, *last), stream=stream)
    with pytest.raises(TypeError, match="Unsupported type"):
        shift((1,), (4,), (array, "text", *last))
    with pytest.raises(TypeError, match="tuple"):
        shift(1, (4,), (array, array, *last))


def test_kernel_is_limited_as_on_a_device(double: Any) -> None:
    error = double.cuda.driver.CUDADriverError
    kernel = double.RawModule(code=KERNELS).get_function("shift")
    array = double.zeros(4, np.float32)
    arguments = (array, array, np.float32(1), np.int32(4))
    for grid, block, shared in (
        ((1,), (1025,), 0),
        ((1,), (32, 32, 2), 0),
        ((1,), (1, 1, 65), 0),
        ((1, 65536), (1,), 0),
        ((1,), (4,), (48 << 10) + 1),
    ):
        with pytest.raises(error, match="invalid argument"):
            kernel(grid, block, arguments, shared_mem=shared)
    kernel.max_dynamic_shared_size_bytes = 64 << 10
    kernel((1,), (4,), arguments, shared_mem=64 << 10)
    assert (array.get() == 1).all()
    with pytest.raises(error):
        kernel.max_dynamic_shared_size_bytes = 228 << 10


def test_kernels_come_from_files_text_and_bytes(double: Any, tmp_path: Path) -> None:
    error = double.cuda.driver.CUDADriverError
    path = tmp_path / "kernels.cubin"
    path.write_bytes(cubin_of(KERNELS))
    source, target = double.asarray(np.arange(4, dtype=np.uint8)), double.zeros(4, np.uint8)
    double.RawModule(path=str(path)).get_function("copy_bytes")((1,), (4,), (source, target))
    assert (target.get() == np.arange(4)).all()
    with pytest.raises(error, match="named symbol not found"):
        double.RawModule(path=str(path)).get_function("missing")
    with pytest.raises(error, match="file not found"):
        double.RawModule(path=str(tmp_path / "none")).get_function("shift")
    path.write_bytes(b"\x7fELF")
    with pytest.raises(error, match="image is invalid"):
        double.RawModule(path=str(path)).get_function("shift")
    with pytest.raises(TypeError, match="Exactly one"):
        double.RawModule()
