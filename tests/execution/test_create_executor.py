"""An executor is chosen by its name, and adding one takes one file."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from voxgpu.backends.cpu.backend import Cpu
from voxgpu.backends.reference import ReferenceBackend
from voxgpu.compile import Options
from voxgpu.diagnostics import Source
from voxgpu.execution import executors
from voxgpu.execution.create_executor import AUTO, create_executor, executor_names
from voxgpu.execution.executors.serial import Serial
from voxgpu.execution.executors.threads import Threads
from voxgpu.session import open_session
from voxgpu.session_settings import SessionSettings

PROGRAM = 'print "n" volume(interior(x > 2))\nprint "m" max(x) + 1\n'

#: An executor of somebody else's.
BACKWARDS = """
from voxgpu.execution.executors.serial import Serial

class Backwards(Serial):
    capacity = 4
    performed = []

    def next_done(self):
        self._done.rotate(1)
        done = super().next_done()
        self.performed.append(done.task.name)
        return done

def create(backend):
    return Backwards(backend)
"""


def _said(executor: str, text: str, device: str = "cpu") -> list[str]:
    settings = SessionSettings(device, threads=2, executor=executor)
    with open_session(settings) as session:
        result = session.execute(session.compile(Source("test", text), None, Options()))
        return [str(each) for each in result.prints]


@pytest.fixture
def text(tmp_path: Path) -> str:
    import numpy as np
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(np.arange(210, dtype=np.int16).reshape(5, 6, 7) % 11)
    sitk.WriteImage(image, str(tmp_path / "x.nii"))
    return f'load x = "{tmp_path / "x.nii"}"\n' + PROGRAM


def test_auto_takes_the_threads_of_the_backend() -> None:
    cpu = Cpu(2)
    assert isinstance(create_executor(AUTO, cpu), Threads)
    assert isinstance(create_executor("serial", cpu), Serial)
    assert isinstance(create_executor(AUTO, ReferenceBackend()), Serial)
    cpu.close()
    with pytest.raises(ValueError, match="'reference' has no threads"):
        create_executor("threads", ReferenceBackend())


def test_every_executor_gives_the_same_results(text: str) -> None:
    expected = _said(AUTO, text, "reference")
    assert len(expected) == 2
    for name in executor_names():
        assert _said(name, text) == expected, name


def test_an_executor_is_one_file(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "backwards.py").write_text(BACKWARDS)
    monkeypatch.setattr(executors, "__path__", [*executors.__path__, str(tmp_path)])
    name = f"{executors.__name__}.backwards"
    try:
        assert "backwards" in executor_names()
        assert _said("backwards", text) == _said(AUTO, text)
        assert sys.modules[name].Backwards.performed
    finally:
        sys.modules.pop(name, None)


def test_no_such_executor() -> None:
    with pytest.raises(ValueError, match="no executor 'slurm'; there are auto, serial, threads"):
        open_session(SessionSettings(executor="slurm"))
