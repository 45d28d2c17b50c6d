"""Detection of GPUs always returns an answer, with a reason."""

from __future__ import annotations

import ctypes
import types
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cuda_emulator.module import requires_emulation
from tests.mock_cupy.fixture import cubin_of, installed
from voxgpu.backends.cuda import detect
from voxgpu.codegen import nvrtc
from voxgpu.codegen.cuda_kernels import library_text


@pytest.fixture(autouse=True)
def _forgetful() -> Iterator[None]:
    yield
    detect.detect_gpus.cache_clear()
    detect.cupy.cache_clear()


def _driver_answers(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    library = types.SimpleNamespace(cuInit=lambda flags: status)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)


def test_no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    detect.detect_gpus.cache_clear()
    assert detect.detect_gpus() == (0, "there is no NVIDIA driver on this computer")


@pytest.mark.parametrize(("status", "part"), [(100, "finds no GPU"), (803, "error 803")])
def test_a_driver_that_does_not_start(
    monkeypatch: pytest.MonkeyPatch, status: int, part: str
) -> None:
    _driver_answers(monkeypatch, status)
    detect.detect_gpus.cache_clear()
    count, reason = detect.detect_gpus()
    assert not count and part in reason


def test_a_driver_without_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Any:
        raise ImportError("No module named 'cupy'")

    _driver_answers(monkeypatch, 0)
    monkeypatch.setattr(detect, "cupy", missing)
    detect.detect_gpus.cache_clear()
    count, reason = detect.detect_gpus()
    assert not count and "pip install" in reason


def test_a_compiler_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    _driver_answers(monkeypatch, 0)
    monkeypatch.setattr(detect, "cupy", lambda: types.SimpleNamespace())
    monkeypatch.setattr(nvrtc, "missing", lambda: "there is no NVRTC")
    detect.detect_gpus.cache_clear()
    assert detect.detect_gpus() == (0, "there is no NVRTC")


def test_a_gpu_on_which_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mock rejects a real cubin, as a driver that is too old for it would."""
    if nvrtc.missing():
        pytest.skip(nvrtc.missing())
    _driver_answers(monkeypatch, 0)
    with installed(DOUBLE_GPUS="3") as double:
        monkeypatch.setattr(detect, "cupy", lambda: double)
        detect.detect_gpus.cache_clear()
        count, reason = detect.detect_gpus()
    assert not count and "CUDADriverError" in reason


def test_the_reason_why_an_old_gpu_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    _driver_answers(monkeypatch, 0)
    monkeypatch.setattr(nvrtc, "missing", lambda: "")
    monkeypatch.setattr(nvrtc, "architectures", lambda: (50, 61, 70, 90))
    with installed(DOUBLE_CAPABILITY="6.1") as double:
        monkeypatch.setattr(detect, "cupy", lambda: double)
        detect.detect_gpus.cache_clear()
        count, reason = detect.detect_gpus()
    assert not count and "compute capability 6.1 is too old" in reason


def test_gpus_that_work(monkeypatch: pytest.MonkeyPatch) -> None:
    requires_emulation()
    monkeypatch.setattr(detect, "driver_problem", lambda: "")
    monkeypatch.setattr(nvrtc, "missing", lambda: "")
    monkeypatch.setattr(nvrtc, "architectures", lambda: (80, 90))
    monkeypatch.setattr(
        nvrtc, "compile_text", lambda text, architecture: nvrtc.Built(cubin_of(text), {})
    )
    with installed(DOUBLE_GPUS="3") as double:
        monkeypatch.setattr(detect, "cupy", lambda: double)
        detect.detect_gpus.cache_clear()
        assert detect.detect_gpus() == (3, "")


@pytest.mark.parametrize(
    ("capability", "known", "expected"),
    [("90", (80, 90, 100), 90), ("89", (80, 86, 90), 86), ("86", (75, 80, 90), 80)],
)
def test_code_of_the_same_generation_runs(
    capability: str, known: tuple[int, ...], expected: int
) -> None:
    assert detect.architecture_of(capability, known) == expected


def test_a_device_that_no_code_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvrtc, "version", lambda: "13.0")
    with pytest.raises(ValueError, match=r"NVRTC 13.0 has no code for compute capability 7.0"):
        detect.architecture_of("70", (75, 80, 90))


@pytest.mark.parametrize("capability", ["50", "61", "62"])
def test_a_device_that_is_too_old(capability: str) -> None:
    """NVRTC 12 still has code for it, but the kernels use warp operations of Volta."""
    with pytest.raises(ValueError, match=rf"{int(capability) / 10} is too old.* 7\.0 \(Volta\)"):
        detect.architecture_of(capability, (50, 61, 62, 70, 80))


def test_kernels_compile_for_the_oldest_architecture_and_for_none_before() -> None:
    if nvrtc.missing():
        pytest.skip(nvrtc.missing())
    text = library_text("threshold_counts")
    assert detect.OLDEST in nvrtc.architectures()
    assert nvrtc.compile_text(text, detect.OLDEST).cubin
    older = [each for each in nvrtc.architectures() if each < detect.OLDEST]
    if older:
        with pytest.raises(nvrtc.NvrtcError, match="__match_any_sync"):
            nvrtc.compile_text(text, older[-1])
