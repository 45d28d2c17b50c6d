"""The tests for real GPUs work: they run on the emulated one, in miniature."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cuda_emulator.module import requires_emulation

ROOT = Path(__file__).resolve().parents[3]

#: A few of each kind; the others cover what is tested on the emulation elsewhere.
REHEARSED = (
    "test_arithmetic.py",
    "test_conformance.py::test_a_primitive_comes_to_what_the_reference_says"
    "[through(image of true/false, image of true/false)]",
    "test_copying.py::test_many_files_at_once",
    "test_copying.py::test_memory_that_is_used_again_at_once",
    "test_copying.py::test_several_gpus",
    "test_doctor.py::test_every_gpu_is_good",
    "test_laws.py::test_plans_mean_what_the_reference_says[200]",
    "test_laws.py::test_a_large_image",
    "test_memory.py",
)


def _told(*options: str, **variables: str) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider"]
    command += [*options, *(f"tests/hardware/{each}" for each in REHEARSED)]
    environment = {**os.environ, **variables}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_rehearsal_goes_well() -> None:
    requires_emulation()
    told = _told(VOXGPU_HARDWARE="emulated")
    assert re.search(r"^1[0-9] passed in", told, re.MULTILINE), told[-2000:]


@pytest.mark.slow
def test_without_a_gpu_they_are_skipped_with_the_reason() -> None:
    from voxgpu.backends.cuda.detect import detect_gpus

    count, reason = detect_gpus()
    if count:
        pytest.skip("there is a GPU")
    told = _told("-rs", VOXGPU_HARDWARE="")
    assert reason in told and "failed" not in told
