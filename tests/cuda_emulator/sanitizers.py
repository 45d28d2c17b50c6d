"""Runs kernels under sanitizers, in processes that are started for them.

ASan and UBSan find accesses out of bounds, with the line of the kernel; TSan finds conflicting
accesses of two CUDA threads without a barrier, a warp synchronization or a fence between.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: The name of each leg for ``Module``, and the libraries it preloads.
LEGS = {
    "plain": ("", ()),
    "bounds": ("address,undefined", ("libasan.so", "libubsan.so")),
    "races": ("thread", ("libtsan.so",)),
}

#: Processor seconds after which a kernel counts as hanging; the others take up to 30, which may
#: last many times as long on a busy computer.
MOST_SECONDS = 300

#: Seconds after which it counts as hanging, whatever it does.
PATIENCE = 3600

_FINDING = re.compile(
    r"(?:ERROR: AddressSanitizer: [\w-]+|WARNING: ThreadSanitizer: [\w ]+|runtime error: .*)"
)
_PLACE = re.compile(r"\b\w+\.cuh?:\d+")


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a process.

    what   the finding, the error or the wrong result; empty if there is none
    place  the kernel file and line; empty if unknown
    """

    what: str
    place: str = ""

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return not self.what


def watched(leg: str, module: str, *arguments: str) -> Found:
    """Runs ``python -m module SANITIZE arguments…`` under a leg; it must end with ``right``."""
    sanitize, libraries = LEGS[leg]
    command = [sys.executable, "-m", module, sanitize or "none", *arguments]
    if leg == "races" and shutil.which("setarch"):
        # TSan needs addresses where it expects them.
        command = ["setarch", os.uname().machine, "-R", *command]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=_environment(libraries),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            preexec_fn=_limit_processor,
        )
    except subprocess.TimeoutExpired:
        return Found("it does not end")
    if done.returncode == -signal.SIGXCPU:
        return Found("it does not end")
    told = done.stdout + done.stderr
    finding = _FINDING.search(told)
    if finding:
        place = _PLACE.search(told, finding.start())
        return Found(finding[0], place[0] if place else "")
    if done.returncode or not done.stdout.rstrip().endswith("right"):
        return Found(told.strip()[-600:] or f"exit status {done.returncode}")
    return Found("")


def _limit_processor() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS + 10))


def _environment(libraries: tuple[str, ...]) -> dict[str, str]:
    places = [
        subprocess.run(
            ["gcc", f"-print-file-name={each}"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for each in libraries
    ]
    return {
        **os.environ,
        "LD_PRELOAD": " ".join(places),
        "ASAN_OPTIONS": "detect_leaks=0:halt_on_error=1",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=0",
        "TSAN_OPTIONS": "halt_on_error=1:exitcode=0:report_bugs=1",
        "OPENBLAS_NUM_THREADS": "1",
    }
