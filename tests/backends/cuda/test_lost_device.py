"""A GPU that is lost during a run: the goals that are left are computed on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.backends.cuda.emulated import emulated_machine
from tests.backends.cuda.programs import EVERYTHING, assert_same, compiled, run, write_image
from tests.cuda_emulator.module import requires_emulation
from voxgpu.backends.cuda.current_device import CurrentDevice
from voxgpu.backends.select import BackendSelector
from voxgpu.deferred import DeviceLost
from voxgpu.session import Session


@pytest.fixture
def double(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    requires_emulation()
    monkeypatch.chdir(tmp_path)
    write_image(Path("v.nii"))
    with emulated_machine() as cupy:
        yield cupy


@pytest.mark.parametrize("calls", [0, 3, 20, 60, 100, 140])
def test_what_is_left_is_computed_on_the_cpu(double: Any, calls: int) -> None:
    expected = run(EVERYTHING, "reference")
    double.testing_double.lifetime.calls = calls
    found = run(EVERYTHING, "cuda:0")
    assert double.testing_double.lifetime.calls < 0, "the device was lost"
    assert not found.errors
    (warning,) = found.warnings
    assert warning.code == "W305" and "illegal memory access" in warning.message
    assert_same(replace(found, warnings=expected.warnings), expected)


def test_one_of_two_devices_is_lost(double: Any) -> None:
    expected = run(EVERYTHING, "reference")
    double.testing_double.lifetime.calls = 30
    found = run(EVERYTHING, "cuda:1,cuda:0")
    assert [each.code for each in found.warnings] == ["W305"]
    assert_same(replace(found, warnings=expected.warnings), expected)


def test_later_programs_of_a_session_use_nothing_of_a_lost_device(double: Any) -> None:
    first = 'load v = "v.nii"\nprint "m" max(near(v > 60) & v > 20)'
    second = 'load v = "v.nii"\nprint "n" volume(near(v > 60))\nsave "n.nii" near(v > 60)'
    with Session(None, keeping=True, backend=BackendSelector("cuda:0", 2)) as session:
        session.execute(compiled(first.replace("max", "volume"), session))
        double.testing_double.lifetime.calls = 0
        found = session.execute(compiled(second, session))
        assert [each.code for each in found.warnings] == ["W305"]
        again = session.execute(compiled(second, session))
        assert not again.errors
    expected = run(second, "reference")
    assert_same(replace(found, warnings=expected.warnings), expected)
    assert_same(replace(again, warnings=expected.warnings), expected)


@pytest.mark.parametrize(("status", "is_lost"), [(700, True), (719, True), (2, False), (1, False)])
def test_only_errors_that_stay_lose_a_device(double: Any, status: int, is_lost: bool) -> None:
    error = double.cuda.runtime.CUDARuntimeError(1)
    error.status = status
    with (
        pytest.raises(DeviceLost if is_lost else RuntimeError),
        CurrentDevice(double, 0),
    ):
        raise error
