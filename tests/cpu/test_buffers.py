"""Memory is used again when nobody looks at it, and never before."""

from __future__ import annotations

import numpy as np

from voxgpu.cpu.buffers import SMALLEST, Buffers

SHAPE = (SMALLEST // 4, 1)


def test_what_nobody_looks_at_is_used_again() -> None:
    buffers = Buffers()
    first = buffers.empty(SHAPE, np.float32)
    place = first.ctypes.data
    del first
    assert buffers.empty(SHAPE, np.int32).ctypes.data == place
    assert buffers.reused == 1


def test_what_somebody_looks_at_stays() -> None:
    buffers = Buffers()
    part = buffers.empty(SHAPE, np.float32)[5:7]  # a view of a view keeps all of it
    part[:] = 7
    others = [buffers.empty(SHAPE, np.float32) for _ in range(3)]
    for each in others:
        each[:] = 1
    assert (part == 7).all() and buffers.reused == 0
    places = {each.ctypes.data for each in others}
    assert len(places) == 3


def test_idle_memory_is_bounded() -> None:
    buffers = Buffers(idle=2 * SMALLEST)
    held = [buffers.empty(SHAPE, np.float32) for _ in range(10)]
    del held
    buffers.empty((SMALLEST * 3,), np.uint8)
    assert len(buffers._buffers) <= 3


def test_small_arrays_are_ordinary() -> None:
    buffers = Buffers()
    assert buffers.empty((3, 4), np.bool_).flags.owndata
    assert buffers.empty((0, 4), np.float32).shape == (0, 4)


def test_idle_memory_can_be_given_back_at_once() -> None:
    buffers = Buffers()
    used = buffers.empty(SHAPE, np.float32)
    idle = buffers.empty(SHAPE, np.float32)
    used[:] = 3
    del idle
    buffers.drop_idle()
    assert len(buffers._buffers) == 1 and (used == 3).all()
    assert buffers.empty(SHAPE, np.float32).ctypes.data != used.ctypes.data
