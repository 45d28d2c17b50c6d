"""The memory budget is kept, a step that does not fit fails its goals only, and nothing leaks."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest

from tests.backends.cuda.programs import EVERYTHING, assert_same, run, told, write_image
from tests.hardware.conftest import Hardware
from voxgpu.backends.cuda import detect
from voxgpu.backends.cuda.memory_pool import DeviceMemory
from voxgpu.backends.cuda.values import DeviceImage
from voxgpu.backends.select import BackendSelector
from voxgpu.session import Session

pytestmark = [pytest.mark.gpu, pytest.mark.usefixtures("desk")]


@pytest.fixture
def most(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The total size of all pools after each allocation."""
    seen = [0]
    fresh = DeviceMemory._fresh

    def watched(self: DeviceMemory, size: int) -> object:
        block = fresh(self, size)
        seen.append(int(self._pool.total_bytes()))
        return block

    monkeypatch.setattr(DeviceMemory, "_fresh", watched)
    return seen


def _many_images(name: str) -> str:
    """Eight images that are needed until the end."""
    lines = [f"let d{n} = lcc(v > {10 + n}) * {n + 2}" for n in range(8)]
    prints = [f'print "{n}" max(d{n})' for n in range(8)]
    prints += [f'print "{n} and {7 - n}" max(lcc(d{n} > d{7 - n}))' for n in range(8)]
    return "\n".join([f'load v = "{name}"', *lines, *prints])


def _bytes(hardware: Hardware) -> int:
    return 4 * int(np.prod(hardware.shape))


def test_a_budget_is_kept(hardware: Hardware, most: list[int]) -> None:
    write_image(Path("big.nii"), hardware.shape)
    budget = 5 * _bytes(hardware)
    text = _many_images("big.nii")
    assert told(run(text, "cuda:0", memory=budget)) == told(run(text, "cpu"))
    assert 0 < max(most) <= budget


def test_a_device_that_others_have_filled(hardware: Hardware) -> None:
    """The budget exceeds the free memory: the driver refuses, memory is freed, and the run
    succeeds.
    """
    write_image(Path("big.nii"), hardware.shape)
    text = _many_images("big.nii")
    expected = told(run(text, "cpu"))
    cupy = detect.cupy()
    gc.collect()
    with cupy.cuda.Device(0) as device:
        free, total = device.mem_info
        left = 6 * _bytes(hardware) + (0 if free < 1 << 30 else 128 << 20)
        taken = cupy.cuda.Memory(free - left)
        found = run(text, "cuda:0", memory=total)
        del taken
    assert told(found) == expected


def test_what_does_not_fit_at_all_is_told_and_the_rest_delivered(hardware: Hardware) -> None:
    write_image(Path("big.nii"), hardware.shape)
    write_image(Path("small.nii"), (3, 4, 5))
    text = (
        'load b = "big.nii"\nload s = "small.nii"\nsave "b.nii" (b + 1) * 2\n'
        'print "s" max(s)\nprint "b" volume(b > 3)\n'
    )
    found = run(text, "cuda:0", memory=_bytes(hardware) // 4)
    assert [each.label for each in found.prints] == ["s"]
    assert [each.code for each in found.errors] == ["E302", "E302"]
    assert all(each.span is not None for each in found.errors)
    assert "are needed on the device" in found.errors[0].message
    assert "program:3:" in str(found.errors[0]), "the place of the step is shown"


def test_nothing_is_left_after_many_runs(hardware: Hardware) -> None:
    """Device memory is as before, and no image of it is alive."""
    write_image(Path("v.nii"))
    write_image(Path("big.nii"), hardware.shape)
    texts = [EVERYTHING, _many_images("big.nii")]
    expected = [run(text, "cuda:0") for text in texts]
    before = _free()
    for number in range(hardware.times):
        assert_same(run(texts[number % 2], "cuda:0"), expected[number % 2])
    # Less than one image: the driver's memory for loaded code varies.
    assert before - _free() < _bytes(hardware)
    assert not any(isinstance(each, DeviceImage) for each in gc.get_objects())


def test_nothing_is_left_within_a_session(hardware: Hardware) -> None:
    from tests.backends.cuda.programs import compiled

    write_image(Path("big.nii"), hardware.shape)
    devices = BackendSelector("cuda:0", 2)
    with Session(None, backend=devices) as session:
        program = compiled(_many_images("big.nii"), session)
        session.execute(program)
        (backend,) = devices._made.values()
        used = []
        for _ in range(hardware.times):
            session.execute(program)
            gc.collect()
            used.append(backend.device.memory.used)  # type: ignore[attr-defined]
        assert max(used) < _bytes(hardware), "an image stays"
        assert used[-1] <= used[0]


def _free() -> int:
    gc.collect()
    with detect.cupy().cuda.Device(0) as device:
        return int(device.mem_info[0])
