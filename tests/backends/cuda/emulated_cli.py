"""The command line on a computer whose GPUs are those of the mock CuPy, kernels run by emulation.

``python -m tests.backends.cuda.emulated_cli run …``. Processes that it starts have the same GPUs
if they are given ``environment_of_workers``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.mock_cupy.fixture import cubin_of, environment_of_processes

#: The folder whose ``sitecustomize.py`` installs the mock in every Python process.
_SITE = Path(__file__).resolve().parent / "site"


class Cubins:
    """Produces mock cubins."""

    def __init__(self, architecture: int) -> None:
        self.architecture = architecture

    def cubin(self, text: str) -> bytes:
        """A mock cubin."""
        return cubin_of(text)


def pretend() -> None:
    """Makes GPUs available in this process; ``import cupy`` must find the mock.

    It is not imported yet: dask-cuda says which GPUs a worker sees once its process has started.
    """
    from voxgpu.backends.cuda import create, detect
    from voxgpu.codegen import nvrtc

    nvrtc.architectures = lambda: (80, 90)
    detect.driver_problem = lambda: ""
    detect.detect_gpus = _found  # type: ignore[assignment]
    create.cubins_for = Cubins  # type: ignore[assignment]


def _found(ordinals: tuple[int, ...] = (0,)) -> tuple[int, str]:
    import cupy

    return int(cupy.cuda.runtime.getDeviceCount()), ""


def environment(gpus: int = 1, **more: str) -> dict[str, str]:
    """The environment of a process of ``python -m tests.backends.cuda.emulated_cli``."""
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
