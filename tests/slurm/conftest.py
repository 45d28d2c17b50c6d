"""A SLURM for tests, which those of one session share: the one of CI, or one that they start."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pytest

from tests.conftest import REPOSITORY
from tests.slurm.jobs import Slurm

#: Starts two nodes on this computer, for tests. It is no part of the repository.
SCRIPT = REPOSITORY.parent / "shared" / "slurm" / "slurm"

#: If it is set, SLURM_CONF is of a SLURM for tests that runs already.
GIVEN = "VOXGPU_TEST_SLURM"

#: The port of the controller that the script starts.
_PORT = 16817


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    """A running SLURM; skips with the reason where there is none."""
    if os.environ.get(GIVEN):
        yield Slurm(os.environ["SLURM_CONF"])
        return
    reason = _reason_against()
    if reason:
        pytest.skip(f"needs SLURM: {reason}")
    base = tmp_path_factory.getbasetemp()
    # Workers of pytest-xdist have a folder each, in one that they share.
    common = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with _started(common / "slurm-of-tests") as folder:
        yield Slurm(str(folder / "slurm.conf"))


def _reason_against() -> str:
    """Why no SLURM can be started here; empty if one can."""
    if sys.platform != "linux":
        return "it is started on Linux only"
    if not SCRIPT.is_file():
        return f"{SCRIPT} starts it, which is not here"
    missing = [each for each in ("sbatch", "slurmctld", "slurmd", "munged") if not _found(each)]
    if missing:
        return f"{', '.join(missing)} not installed (`{SCRIPT} install`)"
    return "" if os.getuid() == 0 else "it is started by root"


def _found(program: str) -> bool:
    return shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is not None


@contextmanager
def _started(users: Path) -> Iterator[Path]:
    """Starts SLURM, unless another process of the session has; the last one ends it.

    users  the file that has the folder of SLURM and a line for each process that uses it
    """
    with _locked(users) as file:
        lines = file.read().splitlines() or [_start()]
        _rewrite(file, [*lines, str(os.getpid())])
    folder = Path(lines[0])
    try:
        yield folder
    finally:
        with _locked(users) as file:
            lines = [each for each in file.read().splitlines() if each != str(os.getpid())]
            if len(lines) == 1:
                subprocess.run(
                    ["bash", SCRIPT, "stop", folder], check=False, stdout=subprocess.DEVNULL
                )
                time.sleep(1)  # its processes write until they have ended
                shutil.rmtree(folder, ignore_errors=True)
                lines = []
            _rewrite(file, lines)


def _start() -> str:
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            free.bind(("127.0.0.1", _PORT))
        except OSError:
            pytest.skip(f"needs SLURM: another one uses port {_PORT}; see {GIVEN}")
    # Not in pytest's folder, which only root may enter: another user runs one of its services.
    folder = Path(tempfile.mkdtemp(prefix="voxgpu-slurm-"))
    folder.chmod(0o755)
    log = folder / "start.txt"
    with log.open("wb") as written:  # services keep it open: no pipe, whose end would never come
        done = subprocess.run(
            ["bash", SCRIPT, "start", folder],
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
        )
    assert done.returncode == 0 and "idle" in log.read_text(), log.read_text()
    return str(folder)


@contextmanager
def _locked(path: Path) -> Iterator[TextIO]:
    with path.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        yield file


def _rewrite(file: TextIO, lines: list[str]) -> None:
    file.truncate(0)
    file.write("".join(f"{each}\n" for each in lines))
    file.flush()
