"""Choices of ``--device auto``: the CPU for small work, the GPU for large."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.backends.cuda.emulated import emulated_machine
from voxgpu.backends.cost_model import CostEstimate, estimate
from voxgpu.backends.cuda import detect
from voxgpu.backends.select import BackendSelector, Selection
from voxgpu.compile import Options, compile_program
from voxgpu.device_spec import DeviceSpec, parse_device
from voxgpu.diagnostics import ImgqlError, Source
from voxgpu.plan.node import Plan

LOAD = 'load v = "v.nii"\n'


@pytest.fixture
def plan_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], Plan]:
    monkeypatch.chdir(tmp_path)

    def compiled(text: str, size: int) -> Plan:
        image = sitk.GetImageFromArray(np.zeros((size, size, size), np.int16))
        sitk.WriteImage(image, "v.nii")
        found = compile_program(Source("program", LOAD + text), None, Options())
        assert not found.errors, found.errors
        return found.plan

    return compiled


SMALL = 'print "n" volume(v > 3)'
LARGE = "\n".join(
    f'print "{r}" max(crossCorrelation({r}, v, v, v > 1, 0, 9, 50))' for r in range(1, 20)
)


def test_small_programs_stay_on_the_cpu(plan_of: Callable[[str, int], Plan]) -> None:
    assert not estimate(plan_of(SMALL, 128), 2).prefers_gpu
    assert not estimate(plan_of(LARGE, 8), 2).prefers_gpu


def test_large_programs_go_to_the_gpu(plan_of: Callable[[str, int], Plan]) -> None:
    found = estimate(plan_of(LARGE, 160), 2)
    assert found.prefers_gpu and found.operators == 39
    assert found.cpu > estimate(plan_of(LARGE, 160), 16).cpu
    assert found.gpu > estimate(plan_of(LARGE, 160), 2, is_running=True).gpu


def test_an_estimate_is_told_in_words() -> None:
    text = str(CostEstimate(1.5, 0.25, 12, 36_000_000))
    assert text == (
        "12 operations on images, 36 MB to copy: about 1.50 s on the CPU, 0.25 s on the GPU"
    )


def test_auto_follows_the_estimate(plan_of: Callable[[str, int], Plan]) -> None:
    told: list[Selection] = []
    small, large = plan_of(SMALL, 16), plan_of(LARGE, 160)
    with emulated_machine():
        devices = BackendSelector("auto", tell=told.append)
        names = [devices.of(plan).name for plan in (small, small, large)]
        devices.close()
    assert names == ["cpu", "cpu", "cuda:0"]
    assert [each.name for each in told] == ["cpu", "cuda:0"]
    assert "on the GPU" in told[1].reason


def test_auto_without_a_gpu_says_why(
    plan_of: Callable[[str, int], Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Selection] = []
    monkeypatch.setattr(detect, "driver_problem", lambda: "there is no NVIDIA driver")
    devices = BackendSelector("auto", tell=told.append)
    assert devices.of(plan_of(LARGE, 160)).name == "cpu"
    devices.close()
    assert told == [Selection("cpu", "there is no NVIDIA driver")]


def test_a_gpu_is_only_started_where_it_is_wanted(
    plan_of: Callable[[str, int], Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(detect, "driver_problem", lambda: "")
    monkeypatch.setattr(
        detect, "detect_gpus", lambda: asked.append("found") or (0, "CuPy is missing")
    )
    told: list[Selection] = []
    devices = BackendSelector("auto", tell=told.append)
    assert devices.of(plan_of(SMALL, 16)).name == "cpu" and not asked
    assert devices.of(plan_of(LARGE, 160)).name == "cpu" and asked
    devices.close()
    assert told[-1].reason == "CuPy is missing"


def test_a_gpu_that_is_not_there_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "detect_gpus", lambda *_: (0, "there is no NVIDIA driver"))
    with pytest.raises(ImgqlError, match="cuda:0 cannot be used: there is no NVIDIA driver"):
        BackendSelector("cuda")
    monkeypatch.setattr(detect, "detect_gpus", lambda *_: (2, ""))
    with pytest.raises(ImgqlError, match="there are 2 GPUs, cuda:0 to cuda:1"):
        BackendSelector("cuda:1,cuda:2")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("auto", DeviceSpec("auto")),
        ("cuda", DeviceSpec("cuda", (0,))),
        ("cuda:3", DeviceSpec("cuda", (3,))),
        ("cuda:1, cuda:0", DeviceSpec("cuda", (1, 0))),
    ],
)
def test_what_is_asked_for(text: str, expected: DeviceSpec) -> None:
    assert parse_device(text) == expected


@pytest.mark.parametrize("text", ["", "gpu", "cuda:", "cuda:a", "cuda:0,cpu", "cuda:1,cuda:1"])
def test_what_is_no_device(text: str) -> None:
    with pytest.raises(ValueError, match="there is no device"):
        parse_device(text)
