"""Reading in a separate process: values and errors come back, and any other end is an error."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from voxgpu.files import isolated_reader
from voxgpu.files.errors import FileError
from voxgpu.files.isolated_reader import Limits, limits_of, read_isolated

WITHIN = Limits(1000, 300 << 20, 2)


@pytest.fixture(autouse=True, scope="module")
def none_left():
    yield
    isolated_reader.close()


def problem(function, *arguments, within=WITHIN) -> FileError:
    with pytest.raises(FileError) as caught:
        read_isolated("a.png", within, function, *arguments)
    assert caught.value.path == "a.png"
    return caught.value


def pid() -> int:
    return read_isolated("a.png", WITHIN, os.getpid)


def test_one_process_is_asked_again_and_again():
    assert len({pid() for _ in range(5)} - {os.getpid()}) == 1


@pytest.mark.parametrize("element", ["u1", "<i2", "<f8", "?"])
@pytest.mark.parametrize("shape", [(0,), (3, 4, 5), (7, 1 << 20)])
def test_arrays_come_back_bit_by_bit(element, shape):
    array = np.random.default_rng(0).integers(0, 2, shape).astype(element)
    # Twice: the memory freed after the first must not count for the second.
    for _ in range(2):
        found = read_isolated("a.png", limits_of([], 9 << 20), np.asarray, array)
        assert (found.dtype, found.shape) == (array.dtype, array.shape)
        assert np.array_equal(found, array)
        assert found.flags.writeable


def test_what_is_raised_comes_back():
    with pytest.raises(ZeroDivisionError):
        read_isolated("a.png", WITHIN, divmod, 1, 0)
    with pytest.raises(FileError, match="missing"):
        read_isolated("a.png", WITHIN, isolated_reader.file_size, "missing")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGFPE, signal.SIGABRT, signal.SIGBUS])
def test_a_crash_is_a_problem_and_another_process_follows(number):
    before = pid()
    assert problem(signal.raise_signal, number).reason == (
        f"it is damaged: its reader crashes ({number.name})"
    )
    assert pid() not in (before, os.getpid())


def test_memory_is_limited():
    reason = "it is damaged: reading it takes more than 314,572,800 bytes of memory; its header "
    assert problem(np.ones, 1 << 27).reason == reason + "promises 1,000 of voxels"
    before = pid()
    assert len(read_isolated("a.png", Limits(0, 1 << 30, 9), np.ones, 1 << 25)) == 1 << 25
    assert problem(np.ones, 1 << 27).reason  # the allowance of earlier files no longer applies
    assert pid() == before


@pytest.mark.slow
def test_time_is_limited():
    assert problem(sum, range(10**12), within=Limits(0, 1 << 30, 1)).reason == (
        "it is damaged: reading it takes more than 1 s of computing"
    )


def test_waiting_is_limited(monkeypatch):
    monkeypatch.setattr(isolated_reader, "_patience", lambda seconds: 0.2)
    assert "does not end" in problem(time.sleep, 60).reason


def test_a_process_that_had_ended_for_want_of_work_is_replaced():
    first = pid()
    assert problem(os._exit, 0).reason  # as when it ends by itself
    assert pid() != first


def test_a_process_that_cannot_start_is_told(monkeypatch):
    ending = [sys.executable, "-c", "import sys; sys.exit(3)"]
    monkeypatch.setattr(isolated_reader, "python_command", lambda *_: ending)
    isolated_reader.close()
    caught = problem(os.getpid)
    assert "ended with 3" in caught.reason
    assert "import voxgpu.files.reader_process" in caught.help


def test_an_interrupt_ends_the_process_that_was_asked(monkeypatch):
    first = pid()

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(isolated_reader.pickle, "loads", interrupt)
    with pytest.raises(KeyboardInterrupt):
        pid()
    monkeypatch.undo()
    assert pid() != first


def test_threads_share_processes_and_get_their_own_answers():
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: read_isolated("a.png", WITHIN, abs, -n), range(100)))
    assert found == list(range(100))
    large = limits_of([], 32 << 20)
    with ThreadPoolExecutor(8) as pool:
        pids = set(pool.map(lambda _: read_isolated("a.png", large, os.getpid), range(20)))
    assert 1 <= len(pids) <= 4


def test_a_fork_has_processes_of_its_own():
    script = (
        "import os\n"
        "from voxgpu.files.isolated_reader import Limits, read_isolated\n"
        "ask = lambda: read_isolated('a', Limits(0, 1 << 28, 2), os.getpid)\n"
        "first = ask()\n"
        "child = os.fork()\n"
        "if not child: os._exit(ask() == first)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "assert ask() == first\n"
        "print(first)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert not done.stderr
    with pytest.raises(ProcessLookupError):  # it ends with its parent
        os.kill(int(done.stdout), 0)


def test_limits_grow_with_what_is_promised_and_held(tmp_path):
    (tmp_path / "a").write_bytes(bytes(1000))
    small, large = limits_of([str(tmp_path / "a")]), limits_of([str(tmp_path / "a")], 10**9)
    assert (small.promised, large.promised) == (0, 10**9)
    assert small.memory < 1 << 29
    assert 3 * 10**9 < large.memory < 4 * 10**9
    assert small.seconds <= 5
    assert large.seconds > 100
