"""A program makes contexts on the GPUs that it was told to use, and on no other.

A context takes some hundred MB of a GPU, and fails where another process has that GPU for itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backends.cuda.emulated import emulated_machine
from tests.backends.cuda.programs import EVERYTHING, assert_same, run, write_image
from tests.cuda_emulator.module import requires_emulation
from tests.mock_cupy.fixture import cubin_of, installed
from voxgpu.backends.cuda import detect
from voxgpu.backends.cuda.current_device import CurrentDevice
from voxgpu.backends.select import BackendSelector
from voxgpu.codegen import nvrtc
from voxgpu.diagnostics import ImgqlError


@pytest.fixture
def _found_anew() -> Iterator[None]:
    detect.detect_gpus.cache_clear()
    yield
    detect.detect_gpus.cache_clear()


def test_the_first_gpu_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also by the threads that read images into pinned memory, and those that save."""
    requires_emulation()
    monkeypatch.chdir(tmp_path)
    write_image(Path("v.nii"))
    with emulated_machine(3) as cupy:
        found = run(EVERYTHING, "cuda:1")
        assert cupy.testing_double.contexts() == [1]
    assert_same(found, run(EVERYTHING, "reference"))


@pytest.mark.usefixtures("_found_anew")
def test_only_requested_gpus_are_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one, too old for the kernels, does not keep a program from using the second."""
    requires_emulation()
    monkeypatch.setattr(detect, "driver_problem", lambda: "")
    monkeypatch.setattr(nvrtc, "missing", lambda: "")
    monkeypatch.setattr(nvrtc, "architectures", lambda: (61, 80, 90))
    monkeypatch.setattr(
        nvrtc, "compile_text", lambda text, architecture: nvrtc.Built(cubin_of(text), {})
    )
    with installed(DOUBLE_GPUS="3", DOUBLE_CAPABILITY="6.1,9.0") as double:
        monkeypatch.setattr(detect, "cupy", lambda: double)
        BackendSelector("cuda:1").close()
        assert double.testing_double.contexts() == [1]
        assert detect.detect_gpus(()) == (3, "")
        with pytest.raises(ImgqlError, match=r"6\.1 is too old"):
            BackendSelector("cuda:1,cuda:0")
        with pytest.raises(ImgqlError, match="there are 3 GPUs"):
            BackendSelector("cuda:3")


@pytest.mark.usefixtures("_found_anew")
def test_later_sessions_learn_that_a_gpu_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    requires_emulation()
    monkeypatch.setattr(detect, "driver_problem", lambda: "")
    monkeypatch.setattr(nvrtc, "missing", lambda: "")
    monkeypatch.setattr(nvrtc, "architectures", lambda: (90,))
    monkeypatch.setattr(
        nvrtc, "compile_text", lambda text, architecture: nvrtc.Built(cubin_of(text), {})
    )
    with installed() as double:
        monkeypatch.setattr(detect, "cupy", lambda: double)
        selector = BackendSelector("cuda:0")
        double.testing_double.lifetime.calls = 0
        selector.use_cpu()
        with pytest.raises(ImgqlError, match="illegal memory access"):
            BackendSelector("cuda:0")
        selector.close()


def test_the_device_of_a_thread_is_current_again() -> None:
    with installed() as cupy:
        runtime = cupy.cuda.runtime
        first, second = (CurrentDevice(cupy, ordinal) for ordinal in range(2))
        with second:
            assert runtime.getDevice() == 1
        assert cupy.testing_double.contexts() == [1]
        runtime.setDevice(0)
        with second:
            with first:
                assert runtime.getDevice() == 0
            assert runtime.getDevice() == 1
        assert runtime.getDevice() == 0
