"""``voxgpu doctor`` accepts every GPU, in this process, in its own and in dask's workers."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec

import pytest

from tests.hardware.conftest import Hardware
from voxgpu.selftest.run import self_test

pytestmark = pytest.mark.gpu


def test_every_gpu_is_good(hardware: Hardware) -> None:
    for ordinal in range(hardware.gpus):
        trial = self_test(f"cuda:{ordinal}")
        assert trial.is_good, trial


def _doctor(*options: str) -> str:
    command = [sys.executable, "-m", "voxgpu", "doctor", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_as_a_user_asks(real: Hardware) -> None:
    told = _doctor()
    assert len(re.findall(r"^gpu +cuda:\d+ ", told, re.MULTILINE)) == real.gpus
    assert len(re.findall(r"^trial +cuda:\d+: all \d+ results are", told, re.M)) == real.gpus


def test_a_worker_of_dask_for_each_gpu(real: Hardware) -> None:
    for needed in ("dask_cuda", "distributed"):
        if find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed: there is no cluster to start")
    told = _doctor("--workers")
    assert len(re.findall(r"^trial +worker .*: all \d+ results are", told, re.M)) == real.gpus
