"""Buffers are reused once nothing references them, and never before."""

from __future__ import annotations

import gc
import sys
import threading
from typing import Any

import numpy as np
import pytest

from voxgpu.backends.buffer_pool import SMALLEST, BufferPool

SHAPE = (SMALLEST // 4, 1)


def test_what_nobody_looks_at_is_used_again() -> None:
    buffers = BufferPool()
    first = buffers.empty(SHAPE, np.float32)
    place = first.ctypes.data
    del first
    assert buffers.empty(SHAPE, np.int32).ctypes.data == place
    assert buffers.reused == 1


def test_what_somebody_looks_at_stays() -> None:
    buffers = BufferPool()
    part = buffers.empty(SHAPE, np.float32)[5:7]  # a view of a view keeps all of it
    part[:] = 7
    others = [buffers.empty(SHAPE, np.float32) for _ in range(3)]
    for each in others:
        each[:] = 1
    assert (part == 7).all() and buffers.reused == 0
    places = {each.ctypes.data for each in others}
    assert len(places) == 3


def test_idle_memory_is_bounded() -> None:
    buffers = BufferPool(idle=2 * SMALLEST)
    held = [buffers.empty(SHAPE, np.float32) for _ in range(10)]
    del held
    buffers.empty((SMALLEST * 3,), np.uint8)
    assert sum(each.nbytes for each in buffers._idle) <= 2 * SMALLEST


def test_small_arrays_are_ordinary() -> None:
    buffers = BufferPool()
    assert buffers.empty((3, 4), np.bool_).flags.owndata
    assert buffers.empty((0, 4), np.float32).shape == (0, 4)


def test_idle_memory_can_be_given_back_at_once() -> None:
    buffers = BufferPool()
    used = buffers.empty(SHAPE, np.float32)
    idle = buffers.empty(SHAPE, np.float32)
    used[:] = 3
    del idle
    buffers.free_unused()
    assert not buffers._idle and (used == 3).all()
    assert buffers.empty(SHAPE, np.float32).ctypes.data != used.ctypes.data


VIEWS = {
    "part": lambda array: array[5:9],
    "part of a part": lambda array: array[5:9][1:3],
    "every other": lambda array: array[::2],
    "reshaped": lambda array: array.reshape(4, -1)[1],
    "bytes": lambda array: array.view(np.uint8)[64:128],
    "memory view": lambda array: memoryview(array)[5:9],
    "from a memory view": lambda array: np.frombuffer(memoryview(array), np.float32)[8:16],
    "iterator": lambda array: array.flat,
    "real part": lambda array: array.reshape(-1, 2).view(np.complex64).real[3:],
    "record": lambda array: array.view([("a", np.float32)])["a"][5:9],
    "broadcast": lambda array: np.broadcast_to(array[5], (3, 1)),
    "read-only": lambda array: _read_only(array)[5:9],
    "interface": lambda array: np.asarray(_Interface(array))[5:9],
}


class _Interface:
    def __init__(self, array: Any) -> None:
        self.array = array
        self.__array_interface__ = array.__array_interface__


def _read_only(array: Any) -> Any:
    view = array.view()
    view.flags.writeable = False
    return view


@pytest.mark.slow
@pytest.mark.parametrize("kind", VIEWS)
def test_every_kind_of_view_keeps_its_buffer(kind: str) -> None:
    buffers = BufferPool()
    array = buffers.empty(SHAPE, np.float32)
    array[:] = 7
    view = VIEWS[kind](array)
    del array
    gc.collect()
    others = [buffers.empty(SHAPE, np.float32) for _ in range(3)]
    for each in others:
        each[:] = 1
    assert buffers.reused == 0
    if kind != "bytes":
        assert (np.asarray(view) == 7).all()
    del view
    gc.collect()
    buffers.empty(SHAPE, np.float32)
    assert buffers.reused == 1


def test_reference_counts_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Interpreters count differently; 3.14 counts one less for borrowed references."""
    for wrong in (0, 1, 1000):
        monkeypatch.setattr(sys, "getrefcount", lambda _, wrong=wrong: wrong)
        test_what_somebody_looks_at_stays()
        test_what_nobody_looks_at_is_used_again()


def test_what_a_cycle_or_a_traceback_holds_stays() -> None:
    buffers = BufferPool()
    array = buffers.empty(SHAPE, np.float32)
    array[:] = 7
    cycle: list[Any] = [array]
    cycle.append(cycle)
    del array
    other = buffers.empty(SHAPE, np.float32)
    other[:] = 1
    assert (cycle[0] == 7).all() and buffers.reused == 0
    del cycle
    gc.collect()
    buffers.empty(SHAPE, np.float32)
    assert buffers.reused == 1


def test_what_comes_back_after_clearing_is_let_go() -> None:
    buffers = BufferPool()
    array = buffers.empty(SHAPE, np.float32)
    array[:] = 7
    buffers.clear()
    assert (array == 7).all()
    del array
    buffers.empty(SHAPE, np.float32)
    assert buffers.reused == 0 and not buffers._idle


def test_many_threads_never_share_a_buffer() -> None:
    buffers = BufferPool()
    wrong: list[int] = []

    def work(number: int) -> None:
        held: list[Any] = []
        for step in range(60):
            array = buffers.empty(SHAPE, np.float32)
            array[::4096] = 1000 * number + step
            held.append((array[::4096], 1000 * number + step))
            if len(held) > 3:
                part, value = held.pop(0)
                wrong.extend([number] * int((part != value).any()))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong and buffers.reused > 0
