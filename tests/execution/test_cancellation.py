"""Cancelled work ends, and nothing waits for it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from voxgpu.backends.select import BackendSelector
from voxgpu.backends.thread_pool import ThreadPool
from voxgpu.cancellation import Cancelled, cancelled_by, current, raise_if_cancelled
from voxgpu.compile import Options, compile_program
from voxgpu.diagnostics import Source
from voxgpu.session import Session


def test_pieces_that_nobody_has_begun_are_given_up() -> None:
    workers, stop, begun = ThreadPool(2), threading.Event(), []

    def piece(number: int) -> None:
        begun.append(number)
        stop.set()

    with pytest.raises(Cancelled), cancelled_by(stop):
        workers.map(piece, range(100))
    assert 1 <= len(begun) <= 2
    assert workers.map(lambda each: each, [1, 2]) == [1, 2]
    workers.close()


def test_what_is_within_another_is_wanted_as_long() -> None:
    stop, inner = threading.Event(), threading.Event()
    with cancelled_by(stop):
        with cancelled_by(inner):
            inner.set()
            with pytest.raises(Cancelled):
                raise_if_cancelled()
        assert current() is stop
        raise_if_cancelled()
    assert current() is None


#: Takes minutes; lowering tries it on a small image first, which is quick.
FILTERS = ["CurvatureFlow(v, 0.01, 3000)", "N4BiasFieldCorrection(v + 1, v > 0)"]


@pytest.mark.slow
@pytest.mark.parametrize("called", FILTERS)
@pytest.mark.parametrize("threads", [1, 3])
def test_an_interrupted_session_ends_the_filter(tmp_path: Path, threads: int, called: str) -> None:
    array = np.random.default_rng(0).random((90, 90, 90), np.float32)
    sitk.WriteImage(sitk.GetImageFromArray(array), str(tmp_path / "v.nii"))
    text = f'load v = "{tmp_path}/v.nii"\nprint "a" 1 + 1\n'
    text += f'save "s.nii" simpleitk.{called}\n'

    def interrupt(printed: object) -> None:
        if threads > 1:
            time.sleep(0.2)  # the filter is at work then
        raise KeyboardInterrupt

    backend, before = BackendSelector("cpu", threads), {*threading.enumerate()}
    with (
        pytest.raises(KeyboardInterrupt),
        Session(tmp_path, on_print=interrupt, backend=backend) as session,
    ):
        compiled = compile_program(Source("p", text), None, Options(), ask=session.evaluate)
        session.execute(compiled)
    while any(each.is_alive() for each in {*threading.enumerate()} - before):
        time.sleep(0.01)
    assert not (tmp_path / "s.nii").exists()


def test_a_file_of_an_interrupted_run_does_not_appear(tmp_path: Path) -> None:
    from voxgpu.files.write import write_image
    from voxgpu.image import Grid, Image

    stop = threading.Event()
    stop.set()
    image = Image(np.zeros((2, 3, 4), np.uint8), Grid.regular((2, 3, 4)))
    for name in ("a.nii", "a.nii.gz", "a.nrrd"):
        with cancelled_by(stop), pytest.raises(Cancelled):
            write_image(tmp_path / name, image)
    assert list(tmp_path.iterdir()) == []
