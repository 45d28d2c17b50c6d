"""Lazy images on a GPU: other libraries use their memory, and arrays on a GPU become images."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import voxgpu as vx
from tests.backends.cuda.emulated import emulated_machine

VOXELS = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)


@pytest.fixture
def cupy() -> Iterator[Any]:
    """The mock, on whose GPU the session of the test computes."""
    with emulated_machine(1) as double, vx.Session(device="cuda:0"):
        yield double


def test_other_libraries_use_the_memory_of_an_image(cupy: Any) -> None:
    bright = vx.from_array(VOXELS, spacing=(2, 1, 1)) > 0.5
    array = bright.on_device()
    assert array.shape == (4, 5, 6) and array.dtype == bool and array.grid == bright.grid
    assert repr(array) == "<voxgpu.DeviceArray 6×5×4 of bool on cuda:0>"
    assert np.array_equal(array.image(), VOXELS > 0.5)
    place = array.__cuda_array_interface__
    assert place["stream"] is None, "nobody has to wait for it"
    taken = cupy.asarray(array)
    assert taken.data.ptr == place["data"][0] and np.array_equal(taken.get(), VOXELS > 0.5)
    assert cupy.asarray(bright).data.ptr == place["data"][0], "it is computed once"
    assert array.__dlpack_device__() == bright.__dlpack_device__() == (2, 0)
    assert np.array_equal(np.asarray(bright), VOXELS > 0.5)


def test_memory_stays_as_long_as_it_is_used(cupy: Any) -> None:
    def taken() -> Any:
        return cupy.asarray(vx.from_array(VOXELS) + 1)

    with vx.Session(device="cuda:0"):
        array = taken()
    gc.collect()
    assert np.array_equal(array.get(), VOXELS + 1)


def test_arrays_on_a_gpu_become_images(cupy: Any) -> None:
    on_device = vx.from_array(cupy.asarray(VOXELS))
    assert float((on_device > 0.5).volume()) == (VOXELS > 0.5).sum()
    array = (on_device * 2).on_device()
    again = vx.from_array(array)
    assert np.array_equal(again, VOXELS * 2)
    with pytest.raises(TypeError, match="like=image"):
        on_device + cupy.asarray(VOXELS)


def test_values_that_are_on_no_gpu() -> None:
    v = vx.from_array(VOXELS)
    with vx.Session(device="cpu", threads=1):
        assert not hasattr(v, "__cuda_array_interface__")
        assert v.__dlpack_device__() == (1, 0)
        assert np.array_equal(np.from_dlpack(v + 1), VOXELS + 1)
        with pytest.raises(TypeError, match="in host memory"):
            v.on_device()
    with pytest.raises(TypeError, match="no image"):
        v.max().on_device()


def test_a_value_that_is_undefined_on_a_gpu(cupy: Any) -> None:
    v = vx.from_array(VOXELS)
    wrong = v > v.avg(v > 1e9)
    with pytest.raises(vx.ImgqlError, match="no true voxel"):
        wrong.on_device()
