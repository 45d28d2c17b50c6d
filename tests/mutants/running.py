"""Runs tests in a copy of the repository, in a process of their own, and reads what they say."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

#: Exit statuses of pytest: all passed, some failed. Others are of runs that could not begin.
_PASSED, _FAILED = 0, 1

_FIRST_FAILURE = re.compile(r"^(?:FAILED|ERROR) (tests/\S+?\.py(?:::.*?)?)(?: - (.*))?$", re.M)


@dataclass(frozen=True)
class Ended:
    """How a run of tests ended.

    passed   whether all passed
    failed   whether one failed, or the process crashed or did not end
    by       the first test that failed; empty where that is unknown
    how      its error, or why the tests could not be run
    """

    passed: bool
    failed: bool
    seconds: float
    by: str = ""
    how: str = ""


class Tests:
    """Runs tests of a copy of the repository.

    tree     the copy
    scratch  a folder for caches and temporary files
    patience seconds after which tests count as hanging
    """

    __test__ = False

    def __init__(self, tree: Path, scratch: Path, patience: float = 600) -> None:
        self._tree = tree
        self._scratch = scratch
        self._patience = patience
        scratch.mkdir(parents=True, exist_ok=True)

    def run(self, tests: Sequence[str], empty_caches: bool = False) -> Ended:
        """Runs tests until one fails.

        empty_caches  whether compiled kernels of other runs are not to be used, nor used by these
        """
        start = time.monotonic()
        caches = self._scratch / ("caches-once" if empty_caches else "caches")
        if empty_caches:
            shutil.rmtree(caches, ignore_errors=True)
        status, output = self._pytest(["-x", "--tb=short", *tests], caches, self._patience)
        seconds = time.monotonic() - start
        if status is None:
            return Ended(False, True, seconds, "", f"no end after {self._patience:.0f} s")
        found = _FIRST_FAILURE.search(output)
        by, how = (found[1], found[2] or "") if found else ("", "")
        if status == _PASSED:
            return Ended(True, False, seconds)
        if status == _FAILED:
            return Ended(False, True, seconds, by, how)
        if status < 0 or status >= 128:
            crash = signal.Signals(-status if status < 0 else status - 128).name
            return Ended(False, True, seconds, by, f"the process ends by {crash}")
        return Ended(False, False, seconds, by, how or output.strip()[-300:])

    def passing(self, tests: Sequence[str]) -> dict[str, float]:
        """Seconds of each test that passes, by node id, of all these tests in one run.

        Raises RuntimeError if they cannot be run.
        """
        report = self._scratch / "baseline.xml"
        report.unlink(missing_ok=True)
        arguments = ["--tb=line", f"--junitxml={report}", *tests]
        status, output = self._pytest(arguments, self._scratch / "caches", None)
        if status not in (_PASSED, _FAILED):
            raise RuntimeError(f"tests without a fault end with status {status}: {output[-2000:]}")
        return dict(_passed(report))

    def _pytest(
        self, arguments: Sequence[str], caches: Path, patience: float | None
    ) -> tuple[int | None, str]:
        """The exit status, None if the tests did not end, and the output."""
        options = ["-q", "-rfE", "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist"]
        command = [sys.executable, "-m", "pytest", *options, *arguments]
        command.append(f"--basetemp={self._scratch / 'tmp'}")
        log = self._scratch / "output.txt"
        with log.open("wb") as target:
            process = subprocess.Popen(
                command,
                cwd=self._tree,
                env=self._environment(caches),
                stdin=subprocess.DEVNULL,
                stdout=target,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                status: int | None = process.wait(patience)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                _end(process)
        return status, log.read_text("utf-8", "replace")

    def _environment(self, caches: Path) -> dict[str, str]:
        """The environment in which the copy is imported, and keeps its kernels apart."""
        return {
            **os.environ,
            "PYTHONPATH": str(self._tree),
            "VOXGPU_CACHE": str(caches / "voxgpu"),
            "XDG_CACHE_HOME": str(caches / "home"),
            # Its libraries are named by all of their sources.
            "VOXGPU_EMULATION_CACHE": str(self._scratch / "emulation"),
            "PYTEST_ADDOPTS": "",  # those of who calls are for other tests
            "COLUMNS": "400",  # so that summaries are not cut
            "CI": "1",  # the same examples of hypothesis each time
        }


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and those that it left behind."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _passed(report: Path) -> list[tuple[str, float]]:
    found = []
    for case in ElementTree.parse(report).iter("testcase"):
        if not any(each.tag in ("failure", "error", "skipped") for each in case):
            path = case.get("classname", "").replace(".", "/") + ".py"
            found.append((f"{path}::{case.get('name')}", float(case.get("time", "0"))))
    return found


def covers(asked: str, node: str) -> bool:
    """Whether a test that was asked for, perhaps a file or a folder, includes a node id."""
    return node == asked or node.startswith((f"{asked}::", f"{asked}[", f"{asked}/"))
