"""Other libraries use the memory of lazy images on the GPU, without a copy."""

from __future__ import annotations

import gc

import numpy as np
import pytest

import voxgpu as vx
from tests.hardware.conftest import IS_REHEARSAL, Hardware
from voxgpu.backends.cuda import detect

pytestmark = pytest.mark.gpu


def test_cupy_uses_the_memory_of_a_lazy_image(hardware: Hardware) -> None:
    voxels = np.random.default_rng(0).normal(size=hardware.shape).astype(np.float32)
    cupy = detect.cupy()
    with vx.Session(device="cuda:0"):
        v = vx.from_array(voxels)
        bright = (v + 1) * 2
        array = cupy.asarray(bright)
        assert array.data.ptr == bright.__cuda_array_interface__["data"][0]
        if not IS_REHEARSAL:  # the mock of CuPy has no DLPack
            other = cupy.from_dlpack(bright)
            assert other.data.ptr == array.data.ptr and other.dtype == np.float32
        assert np.array_equal(vx.from_array(array), (voxels + 1) * 2)
        del bright
        gc.collect()
        for _ in range(hardware.times):
            (v * 3).max().compute()  # it takes memory that is free
    assert np.array_equal(array.get(), (voxels + 1) * 2)
