"""Values are written in the background; a failed write blocks no one."""

from __future__ import annotations

import threading
import time

from voxgpu.store.background_writer import BackgroundWriter


def test_jobs_are_done_in_order_and_waited_for() -> None:
    done: list[int] = []
    writer = BackgroundWriter(10**9)
    for number in range(50):
        assert writer.submit(1, lambda number=number: done.append(number), must=False)  # type: ignore[misc]
    writer.close()
    assert done == list(range(50)) and not writer.bytes


def test_a_job_that_fails_takes_nothing_along() -> None:
    done: list[str] = []
    writer = BackgroundWriter(10**9)
    writer.submit(1, lambda: 1 / 0, must=True)
    writer.submit(1, lambda: done.append("next"), must=True)
    writer.drain()
    assert done == ["next"] and list(writer.failures) == ["ZeroDivisionError: division by zero"]
    writer.close()


def test_what_is_too_much_is_refused_or_waited_for() -> None:
    gate = threading.Event()
    writer = BackgroundWriter(100)
    assert writer.submit(80, gate.wait, must=False)
    assert not writer.submit(80, gate.wait, must=False)
    threading.Timer(0.05, gate.set).start()
    assert writer.submit(80, gate.wait, must=True)
    writer.close()


def test_after_ctrl_c_only_what_was_begun_is_ended() -> None:
    gate, begun, done = threading.Event(), threading.Event(), []
    writer = BackgroundWriter(10**9)

    def first() -> None:
        begun.set()
        gate.wait()
        done.append("first")

    writer.submit(1, first, must=True)
    writer.submit(1, lambda: done.append("second"), must=True)
    begun.wait()
    writer.cancel_pending()
    gate.set()
    start = time.monotonic()
    writer.close()
    assert done == ["first"] and time.monotonic() - start < 600
