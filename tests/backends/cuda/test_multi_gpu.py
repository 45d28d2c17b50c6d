"""Several GPUs for one program: parts that share nothing but files, and only if that pays off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.backends.cuda.emulated import emulated_machine
from tests.backends.cuda.programs import EVERYTHING, assert_same, compiled, run, write_image
from tests.cuda_emulator.module import requires_emulation
from voxgpu.backends.cuda import multi_gpu
from voxgpu.backends.cuda.multi_gpu import partition
from voxgpu.backends.cuda.precompile import schedule_of
from voxgpu.backends.select import BackendSelector
from voxgpu.optimize.schedule import Schedule
from voxgpu.session import Session

#: Two parts that read one file, and a third one on its own.
PARTS = """
load v = "v.nii"
load w = "w.nii"
let a = crossCorrelation(1, v, v, v > 20, 0, 99, 8)
let b = crossCorrelation(1, v, v, v > 40, 0, 99, 8)
save "a.nii" lcc(a > 0.5)
print "b" volume(b > 0.5)
print "w" max(w * w)
print "a" max(a)
"""


@pytest.fixture
def double(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    requires_emulation()
    monkeypatch.chdir(tmp_path)
    write_image(Path("v.nii"))
    write_image(Path("w.nii"), (4, 5, 6), seed=2)
    with emulated_machine(4) as cupy:
        yield cupy.testing_double


def _schedule(text: str) -> Schedule:
    with Session(None) as session:
        return schedule_of(compiled(text, session).plan)


def _spread_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes every part count as large."""
    monkeypatch.setattr(multi_gpu, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(multi_gpu, "TO_DEVICE", 1e15)


def test_small_parts_stay_together(double: Any) -> None:
    parts = partition(_schedule(PARTS), 3)
    assert [bool(part) for part in parts] == [True, False, False]


def test_large_parts_are_spread(double: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _spread_at_once(monkeypatch)
    planned = _schedule(PARTS)
    parts = partition(planned, 2)
    assert all(parts)
    made = [{id for task in part for id in task.outputs} for part in parts]
    assert not made[0] & made[1]
    for part, own in zip(parts, made, strict=True):
        others = set().union(*(each for each in made if each is not own))
        assert not {id for task in part for id in task.inputs} & others


def test_what_hangs_together_is_not_torn(double: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _spread_at_once(monkeypatch)
    text = 'load v = "v.nii"\nprint "m" max(v - max(lcc(v > 20)))\nprint "n" max(lcc(v > 20))'
    assert [bool(part) for part in partition(_schedule(text), 2)] == [True, False]


@pytest.mark.parametrize("device", ["cuda:0,cuda:1", "cuda:3,cuda:1,cuda:2"])
def test_the_result_is_the_same(double: Any, monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    _spread_at_once(monkeypatch)
    double.reset()
    found = run(PARTS, device)
    assert_same(found, run(PARTS, "reference"))
    used = {ordinal for ordinal, most in double.counters.peak.items() if most > 2000}
    assert len(used) >= 2
    assert all(not size for size in double.counters.live.values())


def test_everything_on_two(double: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _spread_at_once(monkeypatch)
    assert_same(run(EVERYTHING, "cuda:1,cuda:0"), run(EVERYTHING, "reference"))


def test_values_that_are_kept_go_from_device_to_device(
    double: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later program may use them on another device; they do not pass through the host."""
    with Session(None, keeping=True, backend=BackendSelector("cuda:0", 2)) as session:
        session.execute(compiled('load v = "v.nii"\nprint "m" max(v + 1)', session))
        other = BackendSelector("cuda:1", 2)
        session._runner._backends = other
        double.reset()
        found = session.execute(compiled('load v = "v.nii"\nsave "s.nii" v * 2', session))
        assert double.counters.peer.count == 1
        assert double.counters.host_to_device.count == 0
    assert_same(found, run('load v = "v.nii"\nsave "s.nii" v * 2', "reference"))


#: Uses of a kept number: in arithmetic of numbers, in a generated kernel, by a hand-written kernel.
USES = """
load v = "v.nii"
load w = "w.nii"
let bound = max(w * w)
save "s.nii" crossCorrelation(1, v, v, v > 20, 0, 99, 8) > (bound .-. 20)
save "t.nii" percentiles(v, v > 20, 0) > bound
print "x" min(v + bound)
print "y" bound .>. 3
"""


@pytest.mark.parametrize("first", ["cuda:0", "cuda:1"])
@pytest.mark.parametrize("device", ["cuda:0", "cuda:1", "cuda:0,cuda:1"])
def test_numbers_that_are_kept_are_read_on_every_device(
    double: Any, monkeypatch: pytest.MonkeyPatch, first: str, device: str
) -> None:
    """CUDA does not check where pointers point: kernels must not get those of another device."""
    _spread_at_once(monkeypatch)
    text = 'load w = "w.nii"\nprint "b" max(w * w)'
    with Session(None, keeping=True, backend=BackendSelector(first, 2)) as session:
        session.execute(compiled(text, session))
        session._runner._backends = BackendSelector(device, 2)
        found = session.execute(compiled(USES, session))
    assert_same(found, run(USES, "reference"))
