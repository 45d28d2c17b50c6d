"""Tasks on threads: the same results, files beside the computation, failures kept apart."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import voxgpu
from voxgpu.backends.cpu.backend import Cpu
from voxgpu.compile import Options, compile_program
from voxgpu.diagnostics import Source
from voxgpu.execution import outputs
from voxgpu.execution.events import Delivered, Event, Finished, Started
from voxgpu.session import Session


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "v.nii.gz"
    voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(path))
    return path


def _read(path: Path) -> np.ndarray:
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def test_of_two_files_of_one_name_the_later_one_stays(image: Path, tmp_path: Path) -> None:
    lines = [f'save "a.nii.gz" v > {n}' for n in range(20)]
    lines += [f'save "./a.nii.gz" v > {n}' for n in range(20)]
    text = "\n".join([f'load v = "{image}"', *lines])
    for _ in range(5):
        result = voxgpu.run(text, output=tmp_path / "out", threads=4)
        assert not result.errors and len(result.saved) == 40
        assert (_read(tmp_path / "out" / "a.nii.gz") == (_read(image) > 19)).all()


def test_what_is_saved_is_told_in_the_order_of_the_program(image: Path, tmp_path: Path) -> None:
    lines = [f'save "{n}.nii.gz" dilate(v > {n}, 1)' for n in range(23, 0, -1)]
    text = "\n".join([f'load v = "{image}"', *lines])
    result = voxgpu.run(text, output=tmp_path / "out", threads=3)
    assert [each.label for each in result.saved] == [f"{n}.nii.gz" for n in range(23, 0, -1)]


def test_a_file_that_cannot_be_written_takes_nothing_along(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = outputs.write_image

    def full(path: Path, found: voxgpu.Image, labels: bool) -> object:
        if path.name == "bad.nii.gz":
            raise voxgpu_problem(path)
        return write(path, found, labels)

    def voxgpu_problem(path: Path) -> Exception:
        from voxgpu.files.errors import FileError

        return FileError(str(path), "No space left on device")

    monkeypatch.setattr(outputs, "write_image", full)
    text = (
        f'load v = "{image}"\nsave "bad.nii.gz" v > 3\nsave "good.nii.gz" v > 4\n'
        'print "n" volume(v > 3)\n'
    )
    result = voxgpu.run(text, output=tmp_path / "out", threads=2, on_error="collect")
    assert [each.code for each in result.errors] == ["E303"]
    assert (tmp_path / "out" / "good.nii.gz").exists() and result.values["n"] == 20


def test_a_file_is_written_while_the_rest_is_computed(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is held up until the last value is there: nothing waits for it."""
    computed = threading.Event()
    write = outputs.write_image

    def slow(path: Path, found: voxgpu.Image, labels: bool) -> object:
        assert computed.wait(60)
        return write(path, found, labels)

    monkeypatch.setattr(outputs, "write_image", slow)
    events: list[Event] = []

    def observe(event: Event) -> None:
        events.append(event)
        if isinstance(event, Finished) and "max" in event.task.name:
            computed.set()

    text = f'load v = "{image}"\nsave "a.nii.gz" v > 3\nprint "m" max(dt(near(v > 3)))\n'
    backend = Cpu(2)
    compiled = compile_program(Source("test", text), None, Options(output=tmp_path))
    result = Session(tmp_path, observe=observe, backend=backend).execute(compiled)
    backend.close()
    assert not result.errors and result.saved
    names = [e.goal.label for e in events if isinstance(e, Delivered)]
    assert sorted(names) == ["a.nii.gz", "m"]
    assert any(isinstance(each, Started) for each in events)


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_a_value_that_is_missing_fails_its_goals_alone(image: Path, threads: int) -> None:
    text = (
        f'load v = "{image}"\nlet nowhere = v > 100\nprint "mean" avg(v, nowhere)\n'
        'print "more" volume(v > avg(v, nowhere))\nprint "n" volume(v > 5)\n'
        'print "least" min(v)\n'
    )
    result = voxgpu.run(text, threads=threads, on_error="collect")
    assert result.values == {"n": 18.0, "least": 0.0}
    assert [(each.code, each.goals) for each in result.errors] == [
        ("E301", ('print "mean"', 'print "more"'))
    ]


def test_only_images_that_are_worth_it_are_handed_to_threads(
    image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f'load v = "{image}"\nprint "n" volume(near(!near(v > 3) & (v < 9)))'
    compiled = compile_program(Source("test", text), None, Options())
    handed: list[object] = []
    backend = Cpu(2)
    submit = backend.workers.submit
    monkeypatch.setattr(backend.workers, "submit", lambda f: handed.append(f) or submit(f))
    first = Session(None, backend=backend).execute(compiled).prints
    assert len(handed) == 1, "reading the file"
    monkeypatch.setattr("voxgpu.execution.executors.threads.SMALL_VOXELS", 0)
    assert Session(None, backend=backend).execute(compiled).prints == first
    assert len(handed) > 4
    backend.close()
