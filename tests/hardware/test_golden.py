"""The device reproduces the golden files of real MRI, voxel for voxel."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hardware.conftest import Hardware
from tests.real.test_golden import CASES, check_golden_files, check_tumor_program

pytestmark = [pytest.mark.gpu, pytest.mark.slow]


@pytest.mark.parametrize("case", CASES)
def test_every_golden_file(case: str, real: Hardware, shared_data: Path, tmp_path: Path) -> None:
    check_golden_files(case, shared_data, tmp_path, "cuda:0")


def test_the_tumor_program_as_a_user_runs_it(
    real: Hardware, shared_data: Path, tmp_path: Path
) -> None:
    check_tumor_program(shared_data, tmp_path, "cuda:0")
