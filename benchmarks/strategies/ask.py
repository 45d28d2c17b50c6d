"""Measurements in processes of their own, with a limit on their time."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

#: Seconds after which a measurement is given up.
LIMIT = 120.0

#: The time of a program of so many nodes says how long longer ones will take.
_TELLING = 1000


class GivenUp(Exception):
    """A measurement took too long, or its process failed."""


def _process(request: dict[str, Any]) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.strategies.one"]
    return subprocess.Popen(
        [*command, json.dumps(request)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "VOXGPU_STORE": "none"},
    )


def _kill(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def end(process: subprocess.Popen[str]) -> None:
    """Ends a process and its workers."""
    _kill(process)
    if process.returncode is None:
        process.communicate()


def begin(request: dict[str, Any], folder: Path) -> subprocess.Popen[str]:
    """Returns the process of a request, in which the strategy has just started."""
    process = _process({"what": "run", **request, "folder": str(folder)})
    assert process.stdout is not None
    watchdog = threading.Timer(LIMIT, _kill, [process])
    watchdog.start()
    process.stdout.readline()
    watchdog.cancel()
    return process


def finish(process: subprocess.Popen[str], limit: float) -> dict[str, Any]:
    """Returns the answer of a process. Raises GivenUp."""
    try:
        answer, told = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        raise GivenUp(f"not done after {limit:.0f} s") from None
    finally:
        end(process)
    if process.returncode:
        raise GivenUp(told.strip().rpartition("\n")[2] or f"status {process.returncode}")
    found: dict[str, Any] = json.loads(answer.splitlines()[-1])
    return found


def ask(request: dict[str, Any], folder: Path, limit: float = LIMIT) -> dict[str, Any]:
    """Returns the answer to a request. Raises GivenUp.

    folder  for the files of the measurement; removed afterwards, unless ``keep`` is asked for
    """
    process = begin(request, folder)
    try:
        return finish(process, limit)
    finally:
        if not request.get("keep"):
            shutil.rmtree(folder, ignore_errors=True)


def ask_growing(
    request: dict[str, Any], folder: Path, patience: float
) -> tuple[list[dict[str, Any]], str]:
    """Returns the answers for growing sizes, and why the last is missing, if it is.

    patience  seconds that one size may take; a size is left out if the one before makes that clear
    """
    process = _process({"what": "grow", **request, "folder": str(folder)})
    assert process.stdout is not None
    found: list[dict[str, Any]] = []
    sizes = [size for size, _ in request["schedules"]]
    watchdog = threading.Timer(patience + 60, _kill, [process])
    watchdog.start()
    stopped = ""
    begun = perf_counter()
    try:
        for line in process.stdout:
            answer = json.loads(line)
            if "begin" in answer:
                size, begun = answer["begin"], perf_counter()
                watchdog.cancel()
                watchdog = threading.Timer(patience, _kill, [process])
                watchdog.start()
                continue
            found.append(answer)
            last = median(wall for wall, _ in answer["rows"])
            later = sizes[len(found) : len(found) + 1]
            if later and size >= _TELLING and last * (later[0] / size) > patience:
                stopped = f"{later[0]:,} would take more than {patience:.0f} s"
                break
        else:
            if len(found) < len(sizes):
                taken = perf_counter() - begun
                why = f"after {taken:.0f} s" if taken >= patience else "its process failed"
                stopped = f"{sizes[len(found)]:,}: {why}"
    finally:
        watchdog.cancel()
        end(process)
        shutil.rmtree(folder, ignore_errors=True)
    return found, stopped


def middle(answers: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Returns the median of each figure of several answers."""
    rows = list(answers)
    found: dict[str, Any] = {}
    for name in rows[0]:
        values = [row[name] for row in rows if row[name] is not None]
        is_number = all(isinstance(each, int | float) for each in values)
        found[name] = median(values) if values and is_number else rows[0][name]
    return found
