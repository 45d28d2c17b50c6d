"""Results stay on the device while they fit, move to RAM otherwise, and return in one copy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.backends.cuda.emulated import emulated_machine
from tests.backends.cuda.programs import assert_same_image, compiled, run, write_image
from tests.cuda_emulator.module import requires_emulation
from voxgpu.backends.select import BackendSelector
from voxgpu.session import Session
from voxgpu.store.disk import DiskStore
from voxgpu.store.tiered_store import TieredStore

SHAPE = (8, 16, 16)
IMAGE = 8 * 16 * 16 * 4

BASE = 'load v = "v.nii"\nlet a = (v + 1) * 2\n'


@pytest.fixture
def double(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    requires_emulation()
    monkeypatch.chdir(tmp_path)
    write_image(Path("v.nii"), SHAPE)
    with emulated_machine() as cupy:
        yield cupy.testing_double


def _session(memory: int | None = None, store: TieredStore | None = None) -> Session:
    return Session(None, keeping=True, backend=BackendSelector("cuda:0", 2, memory), store=store)


def test_the_next_program_finds_results_on_the_device(double: Any) -> None:
    with _session() as session:
        session.execute(compiled(BASE + 'print "m" max(a)', session))
        double.reset()
        found = session.execute(compiled(BASE + 'save "b.nii" a > 9', session))
        assert double.counters.host_to_device.count == 0
        assert len(double.counters.launches) == 1
    expected = run(BASE + 'save "b.nii" a > 9', "reference")
    assert_same_image(found.saved[0].image, expected.saved[0].image, "b")


def test_what_there_is_no_room_for_waits_in_ram(double: Any) -> None:
    """Half of the device is available for the cache: four images, of ten."""
    with _session(memory=8 * IMAGE) as session:
        for n in range(10):
            session.execute(compiled(f'{BASE}save "s{n}.nii" a + {n}', session))
        kept = session._keeping.memory
        assert kept.moved_off > 0 and kept._device.bytes <= 4 * IMAGE
        assert kept.bytes > 0
        double.reset()
        text = f'{BASE}print "m" max((a + 0) * 3)'
        found = session.execute(compiled(text, session))
        assert double.counters.host_to_device.count <= 1
        assert found.prints[0].value == run(text, "reference").prints[0].value
        assert found.computed <= 3


def test_what_came_back_to_the_device_stays_there(double: Any) -> None:
    with _session(memory=8 * IMAGE) as session:
        for n in range(8):
            session.execute(compiled(f'{BASE}save "s{n}.nii" a + {n}', session))
        kept = session._keeping.memory
        before = kept.moved_back
        for _ in range(2):
            session.execute(compiled(f'{BASE}print "m" max((a + 0) * 3)', session))
        first = kept.moved_back
        double.reset()
        session.execute(compiled(f'{BASE}print "m" max((a + 0) * 5)', session))
        assert kept.moved_back == first >= before
        assert double.counters.host_to_device.count == 0


def test_objects_go_from_the_disk_to_the_device_in_one_copy(double: Any, tmp_path: Path) -> None:
    text = BASE + 'save "a.nii" a'
    with _session(store=TieredStore(DiskStore(tmp_path / "store", 10**9), None, "all")) as session:
        session.execute(compiled(text, session))
    double.reset()
    store = TieredStore(DiskStore(tmp_path / "store", 10**9), None, "all")
    with _session(store=store) as session:
        found = session.execute(compiled(BASE + 'save "n.nii" near(a > 40)', session))
        assert found.reused == 1
    assert double.counters.host_to_device.count == 1
    assert double.counters.host_to_device.bytes == IMAGE
    assert not double.counters.pageable_copies
    expected = run(BASE + 'save "n.nii" near(a > 40)', "reference")
    assert_same_image(found.saved[0].image, expected.saved[0].image, "n")


def test_doubts_that_come_late_are_kept_as_well(double: Any, tmp_path: Path) -> None:
    """The warning of a measure of two empty regions is repeated by a run that only reuses it."""
    text = 'load v = "v.nii"\nprint "d" dice(v > 9999, v > 9999)'
    told = []
    for _ in range(2):
        store = TieredStore(DiskStore(tmp_path / "store", 10**9), None, "all")
        with _session(store=store) as session:
            found = session.execute(compiled(text, session))
            told.append([str(each) for each in found.warnings])
            assert np.isnan(found.prints[0].value)
    assert len(told[0]) == 1 and told[0] == told[1]


def test_values_go_on_to_the_cpu(double: Any) -> None:
    """A session whose device is chosen line by line continues with values of the GPU."""
    with _session() as session:
        session.execute(compiled(BASE + 'print "m" max(a)', session))
        session._runner._backends = BackendSelector("cpu", 2)
        found = session.execute(compiled(BASE + 'save "b.nii" a > 9', session))
    expected = run(BASE + 'save "b.nii" a > 9', "reference")
    assert_same_image(found.saved[0].image, expected.saved[0].image, "b")
