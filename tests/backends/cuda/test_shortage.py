"""A device short of memory: memory is freed, or one goal fails with the required amount."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.backends.cuda.emulated import emulated_machine
from tests.backends.cuda.programs import EVERYTHING, assert_same, run, told, write_image
from tests.cuda_emulator.module import requires_emulation
from voxgpu.session import Result

KIB = 1 << 10

#: Fails from the k-th allocation on, this many times: once, or more often than any retry.
ONCE, FOR_GOOD = 1, 40


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    requires_emulation()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("shortage"))
        write_image(Path("v.nii"))
        with emulated_machine() as cupy:
            yield cupy.testing_double


@pytest.fixture(scope="module")
def expected(desk: Any) -> Result:
    return run(EVERYTHING, "reference")


@pytest.fixture(scope="module")
def allocations(desk: Any, expected: Result) -> int:
    """The number of allocations of a run."""
    desk.reset()
    assert_same(run(EVERYTHING, "cuda:0"), expected)
    count: int = desk.counters.allocations
    assert count > 20
    return count


def _run_failing(desk: Any, first: int, times: int) -> Result:
    desk.reset()
    for each in range(first, first + times):
        desk.fail_allocation(each)
    found = run(EVERYTHING, "cuda:0")
    desk.raise_unseen()
    assert desk.counters.live.get(0, 0) == 0, "memory of the device is left behind"
    return found


@pytest.mark.slow
def test_any_allocation_may_fail_once(desk: Any, expected: Result, allocations: int) -> None:
    for k in range(1, allocations + 1):
        assert_same(_run_failing(desk, k, ONCE), expected)


@pytest.mark.slow
def test_any_allocation_may_fail_for_good(desk: Any, expected: Result, allocations: int) -> None:
    """Delivered values are correct; others have their location, and the bytes, in the message."""
    right = {each.label: repr(each.value) for each in expected.prints}
    for k in range(1, allocations + 1):
        found = _run_failing(desk, k, FOR_GOOD)
        whole = [each for each in found.prints if not each.failed]  # of others items failed
        assert all(right[each.label] == repr(each.value) for each in whole), k
        for error in found.errors:
            assert error.code == "E302" and error.span is not None, (k, str(error))
            assert "are needed on the device" in error.message, error.message
        failed = {goal for each in found.errors for goal in each.goals}
        done = len(whole) + len(found.saved) + len(failed)
        assert done == len(expected.prints) + len(expected.saved), k


def test_values_wait_in_memory_while_there_is_no_room(desk: Any) -> None:
    """Eight images are needed until the end; the device has room for four."""
    lines = [f"let d{n} = lcc(v > {10 + n}) * {n + 2}" for n in range(8)]
    prints = [f'print "{n}" max(d{n})' for n in range(8)]
    prints += [f'print "{n} and {7 - n}" max(lcc(d{n} > d{7 - n}))' for n in range(8)]
    text = "\n".join(['load v = "big.nii"', *lines, *prints])
    write_image(Path("big.nii"), (16, 32, 32))
    image = 16 * 32 * 32 * 4
    expected = run(text, "reference")
    desk.reset()
    found = run(text, "cuda:0", memory=4 * image)
    assert told(found) == told(expected)
    assert desk.counters.peak[0] <= 4 * image
    desk.reset()
    assert told(run(text, "cuda:0")) == told(expected)


def test_what_does_not_fit_at_all_is_told_and_the_rest_delivered(desk: Any) -> None:
    write_image(Path("big.nii"), (16, 32, 32))
    write_image(Path("small.nii"), (3, 4, 5))
    text = (
        'load b = "big.nii"\nload s = "small.nii"\nsave "b.nii" (b + 1) * 2\n'
        'print "s" max(s)\nprint "b" volume(b > 3)\n'
    )
    desk.reset()  # other tests plan that allocations fail
    found = run(text, "cuda:0", memory=20 * KIB)
    assert [each.label for each in found.prints] == ["s"]
    assert [each.code for each in found.errors] == ["E302", "E302"]
    first = str(found.errors[0])
    assert "32 KiB are needed on the device" in first and "20 KiB that may be taken" in first
    assert "program:3:" in first, "the place of the step is shown"
