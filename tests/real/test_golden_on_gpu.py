"""Our GPU kernels, emulated, reproduce the results of VoxLogicA 1.3 on whole MRI volumes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.backends.cuda.emulated import emulated_machine
from tests.cuda_emulator.module import requires_emulation
from tests.real.test_golden import CASES, check_golden_files


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_every_golden_file_on_an_emulated_gpu(case: str, shared_data: Path, tmp_path: Path) -> None:
    requires_emulation()
    with emulated_machine(DOUBLE_GPU_MEMORY=str(2 << 30)):
        check_golden_files(case, shared_data, tmp_path, "cuda:0")
