"""Processes for whom this computer has GPUs: those of the double, kernels run by the emulation.

``python -m tests.gpu.pretending run …`` is the command line on such a computer; processes that it
starts pretend likewise where they are given ``environment_of_workers``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.double.fixture import cubin_of, environment_of_processes

#: Holds what makes every Python pretend.
_SITE = Path(__file__).resolve().parent / "site"


class Cubins:
    """Compiles as the double wants it."""

    def __init__(self, architecture: int) -> None:
        self.architecture = architecture

    def cubin(self, text: str) -> bytes:
        """A double of a cubin."""
        return cubin_of(text)


def pretend() -> None:
    """From now on there are GPUs here; the double must be what ``import cupy`` finds."""
    import cupy

    from voxgpu.codegen import nvrtc
    from voxgpu.gpu import driver, opened

    nvrtc.architectures = lambda: (80, 90)
    count = int(cupy.cuda.runtime.getDeviceCount())
    driver.driver_problem = lambda: ""
    driver.found = lambda: (count, "")  # type: ignore[assignment]
    opened.cubins_for = Cubins  # type: ignore[assignment]


def environment(gpus: int = 1, **more: str) -> dict[str, str]:
    """The environment of a process of ``python -m tests.gpu.pretending``."""
    return environment_of_processes(DOUBLE_GPUS=str(gpus), **more)


def environment_of_workers(gpus: int, folder: Path) -> dict[str, str]:
    """The same, also for dask-cuda's workers that the process starts."""
    found = environment(
        gpus,
        DASK_CUDA_TEST_SINGLE_GPU="1",
        DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE="false",
        DASK_TEMPORARY_DIRECTORY=str(folder),
    )
    found["PYTHONPATH"] = os.pathsep.join([str(_SITE), found["PYTHONPATH"]])
    return found


if __name__ == "__main__":
    from voxgpu.cli.main import main

    pretend()
    main(sys.argv[1:])
