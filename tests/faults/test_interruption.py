"""Whatever interrupts a run, no file appears under its final name before it is complete."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
import SimpleITK as sitk

from voxgpu.files import write
from voxgpu.files.header import read_header
from voxgpu.files.read import read_image

COUNT = 6


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that saves several distance maps, each of which takes a while."""
    folder = tmp_path_factory.mktemp("faults")
    voxels = np.random.default_rng(0).random((64, 96, 96)).astype(np.float32)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(folder / "image.nii.gz"))
    lines = [f'load image = "{folder / "image.nii.gz"}"']
    lines += [f'save "{k}.nii.gz" dt(image > 0.99{k})' for k in range(COUNT)]
    (folder / "slow.imgql").write_text("\n".join(lines))
    return folder / "slow.imgql"


def _start(program: Path, output: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "voxgpu", "run", str(program), "-o", str(output)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _whole(program: Path, output: Path) -> None:
    process = _start(program, output)
    _, told = process.communicate()
    assert process.returncode == 0, told


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_runs_leave_whole_files_only(
    program: Path, tmp_path: Path, number: signal.Signals
) -> None:
    _whole(program, tmp_path / "whole")
    for after in range(1, COUNT, 2):
        output = tmp_path / f"{number.name}{after}"
        process = _start(program, output)
        while process.poll() is None and len(list(output.glob("?.nii.gz"))) < after:
            time.sleep(0.001)
        process.send_signal(number)
        _, told = process.communicate()
        for path in output.glob("?.nii.gz"):
            assert path.read_bytes() == (tmp_path / "whole" / path.name).read_bytes()
        if number is signal.SIGINT and process.returncode != 0:
            assert process.returncode == 130
            assert "Traceback" not in told and "interrupted" in told
            assert {path.suffixes[-1] for path in output.iterdir()} <= {".gz", ".json"}
        _whole(program, output)
        assert read_image(read_header(output / "0.nii.gz")).array.shape == (64, 96, 96)


def test_a_full_disk_is_told_and_leaves_nothing(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import voxgpu

    real = write.write_packed
    calls = 0

    def fill_up(file: BinaryIO, parts: Sequence[Any]) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            file.write(b"half of it")
            raise OSError(28, "No space left on device")
        real(file, parts)

    monkeypatch.setattr(write, "write_packed", fill_up)
    result = voxgpu.run(program, output=tmp_path, on_error="collect")
    (error,) = result.errors
    assert error.code == "E303" and "space" in error.message
    names = sorted(path.name for path in tmp_path.iterdir())
    # Files are written in parallel: which of them is the second is random.
    missing = [f"{k}.nii.gz" for k in range(COUNT) if f'"{k}.nii.gz"' in error.message]
    assert len(missing) == 1
    left = [k for k in range(COUNT) if f"{k}.nii.gz" not in missing]
    assert names == sorted(f"{k}.{suffix}" for k in left for suffix in ("json", "nii.gz"))
