"""Lazy values in threads, in asyncio, and in other processes."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pickle
import threading
from typing import Any

import numpy as np
import pytest

import voxgpu as vx

VOXELS = np.random.default_rng(0).integers(0, 500, (4, 5, 6)).astype(np.int16)


def test_threads_compute_at_the_same_time() -> None:
    v = vx.from_array(VOXELS)
    found: dict[int, float] = {}

    def work(level: int) -> None:
        found[level] = float((v > level).volume())

    threads = [threading.Thread(target=work, args=(level,)) for level in range(0, 400, 40)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == {level: np.sum(level < VOXELS) for level in range(0, 400, 40)}


def test_asyncio_computes_in_the_session_of_its_block() -> None:
    v = vx.from_array(VOXELS)

    async def both() -> tuple[float, float]:
        first, second = v.max(), v.min()
        return tuple(  # type: ignore[return-value]
            await asyncio.gather(
                asyncio.to_thread(first.compute), asyncio.to_thread(second.compute)
            )
        )

    with vx.Session(device="cpu", threads=1) as session:
        assert asyncio.run(both()) == (VOXELS.max(), VOXELS.min())
        text = 'load v = ""\nprint "a" max(v)\nprint "b" min(v)'
        assert session.run(text, images={"v": VOXELS}).computed == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_has_a_default_session_of_its_own() -> None:
    v = vx.from_array(VOXELS)
    assert float(v.max()) == VOXELS.max()  # the default session of this process is open
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            result: Any = float((v + 1).max())
            with vx.Session(device="cpu", threads=1):
                result = result, float(v.min())
        except BaseException as error:
            result = repr(error)
        os.write(writing, pickle.dumps(result))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pickle.loads(pipe.read())
    os.waitpid(child, 0)
    assert answer == (VOXELS.max() + 1, VOXELS.min())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_session_of_the_parent_is_refused_after_a_fork() -> None:
    v = vx.from_array(VOXELS)
    reading, writing = os.pipe()
    with vx.Session(device="cpu", threads=1):
        child = os.fork()
        if not child:
            try:
                found = repr(v.max().compute())
            except BaseException as error:
                found = str(error)
            os.write(writing, found.encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read().decode()
    os.waitpid(child, 0)
    assert "E305" in answer and "make a session of its own in each process" in answer


@pytest.mark.slow
def test_a_spawned_process_computes_a_value() -> None:
    v = vx.from_array(VOXELS, spacing=(2, 1, 1))
    region = vx.grow(v > 400, v > 300)
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        size = pool.apply(_size, (region,))
        with pytest.raises(vx.ImgqlError, match=r"wrong = vx\.near\(v\)"):
            wrong = vx.near(v)
            pool.apply(_size, (wrong,))
    assert size == float(region.volume())


def _size(region: vx.LazyValue) -> float:
    return float(region.volume())
