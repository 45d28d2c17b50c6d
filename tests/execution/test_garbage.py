"""The search for cyclic garbage is held back while programs run, resumed after, and still ends."""

from __future__ import annotations

import gc
import os
import weakref
from collections.abc import Iterator
from threading import Event, Thread

import pytest

from voxgpu import garbage
from voxgpu.compile import Options, compile_program
from voxgpu.diagnostics import Source
from voxgpu.garbage import Garbage, held_back
from voxgpu.session import Session


class _Cycle:
    def __init__(self) -> None:
        self.myself = self


@pytest.fixture(autouse=True)
def enabled() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


def test_it_is_held_back_and_resumed_after_an_error() -> None:
    with pytest.raises(KeyError), held_back():
        with held_back():
            assert not gc.isenabled()
        assert not gc.isenabled()
        raise KeyError
    assert gc.isenabled()


def test_it_stays_disabled_where_the_caller_had_disabled_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(garbage, "LEAST_SECONDS", 0.0)
    gc.disable()
    with held_back():
        found = Garbage()
        dead = weakref.ref(_Cycle())
        found.note(2 * garbage.YOUNG_BYTES)
        assert dead() is not None
    assert not gc.isenabled()


def test_it_resumes_once_all_threads_have_ended() -> None:
    entered, leave = Event(), Event()

    def hold() -> None:
        with held_back():
            entered.set()
            leave.wait()

    thread = Thread(target=hold)
    with held_back():
        thread.start()
        entered.wait()
    assert not gc.isenabled(), "the other thread still runs"
    leave.set()
    thread.join()
    assert gc.isenabled()


def test_cycles_are_freed_after_some_bytes_and_after_some_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with held_back() as run:
        dead = weakref.ref(_Cycle())
        run.note(garbage.YOUNG_BYTES - 1)
        assert dead() is not None
        run.note(1)
        assert dead() is None, "what images may lie in is freed by their bytes"
        old = _Cycle()
        dead = weakref.ref(old)
        gc.collect(0)
        del old
        run.note(garbage.YOUNG_BYTES)
        assert dead() is not None
        monkeypatch.setattr(garbage, "LEAST_SECONDS", 0.0)
        Garbage().note(0)
        assert dead() is None, "and older objects once in a while"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_searches_again() -> None:
    with held_back():
        child = os.fork()
        if not child:
            os._exit(0 if gc.isenabled() else 1)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_a_program_runs_without_it() -> None:
    states: list[bool] = []
    compiled = compile_program(Source("test", 'print "a" 1 + 1'), None, Options())
    Session(None, on_print=lambda _: states.append(gc.isenabled())).execute(compiled)
    assert states == [False] and gc.isenabled()
