"""The processes that run a program: started, asked, and ended with this one."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from voxgpu.bench.job import Column, Job
from voxgpu.bench.measure import Timing, process
from voxgpu.bench.worker import Refused
from voxgpu.child_process import python_command
from voxgpu.diagnostics import ImgqlError


class WorkerFailed(Exception):
    """A process that runs the program ended, or raised something unexpected."""


class WorkerProcess(AbstractContextManager["WorkerProcess"]):
    """A process that runs a program for a column; see ``voxgpu.bench.worker``.

    folder  a folder for what is saved and for its cache of kernels
    """

    def __init__(self, job: Job, column: Column, folder: Path) -> None:
        self.column = column
        folder.mkdir()
        self._process = subprocess.Popen(
            python_command("voxgpu.bench.worker", "serve()"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "VOXGPU_CACHE": str(folder / "cache")},
            # A group of its own: Ctrl-C is for this process, which ends the group.
            start_new_session=True,
        )
        self._send((job, column, folder / "saved"))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process, whatever it does."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with self._process:
            pass

    def ask(self, name: str, *arguments: Any) -> Any:
        """Call a method of the worker.

        Raises ImgqlError with its diagnostics, and WorkerFailed for anything else.
        """
        answer = self.answer(name, *arguments)
        if isinstance(answer, Refused):
            if answer.diagnostics:
                raise ImgqlError(answer.diagnostics)
            raise WorkerFailed(f"the run on {self.column.name} failed:\n{answer.problem}")
        return answer

    def answer(self, name: str, *arguments: Any) -> Any:
        """The answer to a call, or Refused. Raises WorkerFailed if the process ends instead."""
        try:
            self._send((name, *arguments))
            assert self._process.stdout is not None
            return pickle.load(self._process.stdout)
        except (EOFError, OSError):
            status = self._process.wait()
            raise WorkerFailed(
                f"the process that ran the program on {self.column.name} ended with status "
                f"{status}: lack of memory ends processes with -9"
            ) from None

    def _send(self, request: Any) -> None:
        assert self._process.stdin is not None
        pickle.dump(request, self._process.stdin)
        self._process.stdin.flush()


def run_cold(job: Job, column: Column, folder: Path, with_store: bool) -> Timing:
    """Run the program in a new process with nothing cached; ``folder`` must not exist yet.

    Raises WorkerFailed if the process fails.
    """
    folder.mkdir()
    store = folder / "store" if with_store else None
    file = folder / "job"
    file.write_bytes(pickle.dumps((job, column, folder / "saved", store)))
    command = python_command("voxgpu.bench.worker", "once(sys.argv[2])", str(file))
    try:
        return process(command, {"VOXGPU_CACHE": str(folder / "cache")})
    except RuntimeError as error:
        status = str(error).rpartition(" ")[2]
        raise WorkerFailed(
            f"a new process that ran the program on {column.name} ended with status {status}"
        ) from None
