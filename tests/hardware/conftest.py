"""The first GPU of this computer, on which these tests run; without one they are skipped.

``VOXGPU_HARDWARE=emulated`` runs them on the mock CuPy and the emulation instead, in miniature, to
check that the tests themselves work
(``tests/backends/cuda/test_hardware_suite_emulated.py``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.backends.cuda.emulated import emulated_machine
from tests.cuda_emulator.module import requires_emulation
from voxgpu.backends.cuda import detect
from voxgpu.backends.cuda.create import open_gpus
from voxgpu.backends.thread_pool import ThreadPool

IS_REHEARSAL = os.environ.get("VOXGPU_HARDWARE") == "emulated"


@dataclass(frozen=True)
class Hardware:
    """The environment of the tests.

    gpus   number of GPUs
    shape  of an image that is large here: z, y, x
    times  number of repetitions for stress tests
    """

    gpus: int
    shape: tuple[int, int, int]
    times: int


@pytest.fixture(scope="package")
def hardware() -> Iterator[Hardware]:
    """The GPUs of this computer; skips if there are none."""
    if IS_REHEARSAL:
        requires_emulation()
        with emulated_machine(2):
            yield Hardware(2, (12, 20, 24), 3)
        return
    count, reason = detect.detect_gpus()
    if not count:
        pytest.skip(reason)
    yield Hardware(count, (128, 192, 192), 50)


@pytest.fixture
def real(hardware: Hardware) -> Hardware:
    """The same, for tests that start processes: these do not see an emulated GPU."""
    if IS_REHEARSAL:
        pytest.skip("other processes find no emulated GPU")
    return hardware


@pytest.fixture(scope="module")
def backend(hardware: Hardware) -> Iterator[Any]:
    """The backend on the first GPU."""
    made = open_gpus((0,), None, ThreadPool(4))
    yield made
    made.close()


@pytest.fixture
def desk(hardware: Hardware, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
