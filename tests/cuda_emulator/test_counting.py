"""Counts for kernels whose traffic is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.cuda_emulator.counting import CountingModule, Counts, counted
from tests.cuda_emulator.module import Module, requires_emulation

requires_emulation()

THREADS = 256

TEXT = """
typedef unsigned char u8;
#define ME (blockIdx.x * blockDim.x + threadIdx.x)

template <class T> __device__ void copy(const T* from, T* to, int n) {
  if (ME < n) to[ME] = from[ME];
}
extern "C" __global__ void copy_float(const float* from, float* to, int n) { copy(from, to, n); }
extern "C" __global__ void copy_byte(const u8* from, u8* to, int n) { copy(from, to, n); }
extern "C" __global__ void copy_vector(const float* from, float* to, int n) {
  copy((const float4*)from, (float4*)to, n);
}
extern "C" __global__ void copy_strided(const float* from, float* to, int n) {
  if (ME < n) to[ME] = from[8 * ME];
}
extern "C" __global__ void copy_in_loop(const float* from, float* to, int n) {
  for (int i = threadIdx.x; i < n; i += blockDim.x) to[i] = from[i];
}
extern "C" __global__ void broadcast(const float* from, float* to) { to[ME] = from[0] + 1; }
extern "C" __global__ void add_one(unsigned* sums, int n) { atomicAdd(sums + ME % n, 1u); }
extern "C" __global__ void relaxed(const unsigned* from, unsigned* to) {
  store_relaxed(to + ME, load_relaxed(from + ME));
}
extern "C" __global__ void shared_strided(float* to, int stride) {
  __shared__ float row[1024];
  row[threadIdx.x * stride % 1024] = threadIdx.x;
  __syncthreads();
  to[ME] = row[threadIdx.x];
}
extern "C" __global__ void shared_wide(double* to) {
  __shared__ double row[256];
  row[threadIdx.x] = threadIdx.x;
  __syncthreads();
  to[ME] = row[0];
}
extern "C" __global__ void shared_atomic(unsigned* to) {
  __shared__ unsigned sum[1];
  atomicAdd(sum, 1u);
  __syncthreads();
  if (threadIdx.x == 0) to[blockIdx.x] = sum[0];
}
extern "C" __global__ void halves(const float* from, float* to) {
  for (int half = 128; half >= 32; half /= 2) {
    if (threadIdx.x < half) to[threadIdx.x] = from[threadIdx.x];
    __syncthreads();
  }
}
extern "C" __global__ void twice(float* to) {
  to[ME] = 1;
  to[ME] += 1;
}
extern "C" __global__ void own(const float* from, float* to, int n) {
  float many[32];
  for (int i = 0; i < 32; i++) many[i] = from[ME];
  to[ME] = many[n];
}
"""


@pytest.fixture(scope="module")
def module() -> Module:
    return Module(TEXT, counting=True)


def _floats(count: int) -> Any:
    return np.arange(count, dtype=np.float32)


def _count(module: Module, name: str, blocks: int, *arguments: Any) -> Counts:
    function = module.get_function(name)
    arrays = [each for each in arguments if isinstance(each, np.ndarray)]
    return counted(module, lambda: function((blocks,), (THREADS,), arguments), arrays)


def test_a_copy_of_floats(module: Module) -> None:
    found = _count(module, "copy_float", 4, _floats(1024), _floats(1024), np.int32(1024))
    assert found == Counts(
        loaded=4096,
        stored=4096,
        load_requests=32,
        store_requests=32,
        load_sectors=4 * 32,
        store_sectors=4 * 32,
        sectors_read=128,
        sectors_written=128,
    )
    assert found.compulsory == found.requested == 8192


def test_a_copy_of_bytes_and_an_end_that_fills_no_warp(module: Module) -> None:
    bytes_ = np.zeros(1000, np.uint8)
    found = _count(module, "copy_byte", 4, bytes_, bytes_.copy(), np.int32(1000))
    assert (found.loaded, found.stored) == (1000, 1000)
    assert (found.load_requests, found.load_sectors, found.sectors_read) == (32, 32, 32)


def test_vectors_are_asked_for_whole(module: Module) -> None:
    found = _count(module, "copy_vector", 1, _floats(1024), _floats(1024), np.int32(256))
    assert (found.loaded, found.load_requests, found.load_sectors) == (4096, 8, 8 * 16)


def test_a_stride_moves_what_nobody_asked_for(module: Module) -> None:
    found = _count(module, "copy_strided", 1, _floats(2048), _floats(256), np.int32(256))
    assert (found.loaded, found.load_requests, found.load_sectors) == (1024, 8, 8 * 32)
    assert (found.sectors_read, found.sectors_written) == (256, 32)


def test_rows_that_begin_in_a_sector_take_one_more(module: Module) -> None:
    found = _count(module, "copy_float", 1, _floats(257)[1:], _floats(256), np.int32(256))
    assert (found.load_requests, found.load_sectors, found.sectors_read) == (8, 8 * 5, 33)
    assert found.store_sectors == 8 * 4


def test_turns_of_a_loop_are_requests(module: Module) -> None:
    found = _count(module, "copy_in_loop", 1, _floats(1024), _floats(1024), np.int32(1024))
    assert (found.load_requests, found.load_sectors) == (32, 4 * 32)


def test_what_all_lanes_want_is_fetched_once(module: Module) -> None:
    found = _count(module, "broadcast", 2, _floats(256), _floats(512))
    assert (found.loaded, found.load_requests, found.load_sectors) == (2048, 16, 16)
    assert (found.sectors_read, found.sectors_written) == (1, 64)


@pytest.mark.parametrize(("places", "sectors"), [(1, 1), (256, 4)])
def test_atomic_operations_read_and_write(module: Module, places: int, sectors: int) -> None:
    sums = np.zeros(places, np.uint32)
    found = _count(module, "add_one", 2, sums, np.int32(places))
    assert sums.sum() == 512
    assert (found.atomics, found.changed, found.loaded, found.stored) == (512, 2048, 0, 0)
    assert (found.atomic_requests, found.atomic_sectors) == (16, 16 * sectors)
    assert found.sectors_read == found.sectors_written == max(1, places // 8)


def test_relaxed_accesses_are_loads_and_stores(module: Module) -> None:
    words = np.arange(256, dtype=np.uint32)
    found = _count(module, "relaxed", 1, words, words.copy())
    assert (found.load_sectors, found.store_sectors, found.atomics) == (32, 32, 0)


@pytest.mark.parametrize(("stride", "turns"), [(1, 1), (2, 2), (3, 1), (4, 4), (8, 8)])
def test_lanes_that_want_one_bank_wait(module: Module, stride: int, turns: int) -> None:
    found = _count(module, "shared_strided", 3, _floats(768), np.int32(stride))
    assert found.shared_requests == 3 * (8 + 8)
    assert found.wavefronts == 3 * (8 * turns + 8)


def test_wide_words_of_shared_memory_take_two_turns_and_one_word_one(module: Module) -> None:
    found = _count(module, "shared_wide", 1, np.zeros(256))
    assert (found.shared_requests, found.wavefronts) == (16, 8 * 2 + 8)


def test_atomic_operations_on_one_word_of_shared_memory_are_in_turn(module: Module) -> None:
    found = _count(module, "shared_atomic", 1, np.zeros(1, np.uint32))
    assert (found.shared_requests, found.wavefronts) == (9, 8 * 32 + 1)


def test_threads_that_rest_until_the_barrier_are_in_step_again(module: Module) -> None:
    found = _count(module, "halves", 1, _floats(256), _floats(256))
    assert found.load_requests == 4 + 2 + 1
    assert found.load_sectors == 4 * (4 + 2 + 1) and found.sectors_read == 16


def test_what_a_launch_wrote_it_need_not_read(module: Module) -> None:
    found = _count(module, "twice", 1, _floats(256))
    assert (found.stored, found.loaded) == (2048, 1024)
    assert (found.sectors_read, found.sectors_written) == (0, 32)
    found = _count(module, "copy_float", 1, *([_floats(256)] * 2), np.int32(256))
    assert (found.sectors_read, found.sectors_written) == (32, 32)


def test_what_is_a_threads_own_is_not_counted(module: Module) -> None:
    found = _count(module, "own", 1, _floats(256), _floats(256), np.int32(3))
    assert found.stored == 1024 and found.loaded in (1024, 32 * 1024)


def test_arrays_of_one_memory_are_counted_once(module: Module) -> None:
    whole = _floats(512)
    found = _count(module, "copy_float", 1, whole[128:384], whole[:256], np.int32(256))
    assert (found.sectors_read, found.sectors_written) == (32, 32)


def test_every_launch_is_told() -> None:
    told: list[tuple[str, int]] = []
    module = CountingModule(TEXT, lambda name, each: told.append((name, each.compulsory)))
    for _ in range(2):
        arguments = (_floats(256), _floats(256))
        module.get_function("broadcast")((1,), (THREADS,), arguments)
    assert told == [("broadcast", 32 + 1024)] * 2
