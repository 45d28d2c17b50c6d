"""The thread pool runs every piece exactly once, and propagates errors."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from voxgpu.backends.thread_pool import ThreadPool, slabs


@pytest.fixture(params=[1, 2, 5])
def workers(request: pytest.FixtureRequest) -> object:
    made = ThreadPool(request.param)
    yield made
    made.close()


def test_results_come_in_the_order_of_the_pieces(workers: ThreadPool) -> None:
    assert workers.map(lambda each: each * each, range(100)) == [n * n for n in range(100)]
    assert workers.map(str, []) == []


def test_every_piece_is_done_once(workers: ThreadPool) -> None:
    done: Counter[int] = Counter()
    lock = threading.Lock()

    def work(piece: int) -> None:
        with lock:
            done[piece] += 1

    workers.map(work, range(500))
    assert done == Counter(range(500))


def test_pieces_may_have_pieces(workers: ThreadPool) -> None:
    """More levels than threads: no thread may wait for a piece that no thread is working on."""

    def work(depth: int) -> int:
        return sum(workers.map(work, [depth - 1] * 3)) if depth else 1

    assert work(5) == 3**5


def test_the_first_error_comes_out_when_all_have_ended(workers: ThreadPool) -> None:
    running = Counter[str]()

    def work(piece: int) -> int:
        running["now"] += 1
        try:
            if piece == 3:
                raise ValueError("the third")
            return piece
        finally:
            running["now"] -= 1

    with pytest.raises(ValueError, match="the third"):
        workers.map(work, range(20))
    assert running["now"] == 0
    assert workers.map(lambda each: each, [1, 2]) == [1, 2]


def test_a_job_runs_beside(workers: ThreadPool) -> None:
    assert workers.submit(lambda: 7).result() == 7
    with pytest.raises(ZeroDivisionError):
        workers.submit(lambda: 1 // 0).result()


def test_slabs_cover_everything_once() -> None:
    for length, voxels, at_once in [(0, 5, 10), (1, 5, 10), (155, 57600, 1 << 20), (7, 0, 3)]:
        found = slabs(length, voxels, at_once)
        assert [each for start, stop in found for each in range(start, stop)] == list(range(length))
