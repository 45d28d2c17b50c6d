"""The command line in a process of its own, started as a shell would or forked for speed."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli.warm import forked, without_colors

COMMAND = COLD = [sys.executable, "-m", "voxgpu"]

#: Texts that must never reach a user who made a mistake.
FORBIDDEN = ("Traceback", "NoneType", "object at 0x")


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def voxgpu(*arguments: object, cwd: Path, variables: dict[str, str] | None = None) -> Ended:
    """Run ``voxgpu`` in the folder ``cwd``; neither stdout nor stderr is a terminal."""
    words, environment = [*map(str, arguments)], _environment(variables)
    ended = _warm(words, cwd, environment) or _cold(words, cwd, environment)
    check_text(ended.err)
    return ended


def _warm(words: list[str], cwd: Path, environment: dict[str, str]) -> Ended | None:
    """Run in a forked process; None if the command needs an interpreter of its own."""
    found = forked(words, cwd, environment) if COMMAND is COLD else None
    if found is None:
        return None
    status, *streams = found
    # As the text streams of subprocess decode it.
    out, err = (each.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n") for each in streams)
    return Ended(status, out, err)


def _cold(words: list[str], cwd: Path, environment: dict[str, str]) -> Ended:
    done = subprocess.run(
        [*COMMAND, *words],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def check_text(text: str) -> None:
    """Check that a text contains nothing meant for programmers."""
    for word in FORBIDDEN:
        assert word not in text, text


def run_text(program: str, *arguments: object, cwd: Path) -> Ended:
    """Run ``voxgpu run`` on a program of this text, in the file ``p.imgql`` of ``cwd``."""
    (cwd / "p.imgql").write_text(program, encoding="utf-8")
    return voxgpu("run", "p.imgql", *arguments, cwd=cwd)


def in_terminal(
    *arguments: object, cwd: Path, stdout: bool = False, variables: dict[str, str] | None = None
) -> tuple[int, str, str]:
    """Run ``voxgpu`` with stderr, and on request stdout, on a terminal.

    Returns the exit status, stdout if it is not a terminal, and everything the terminal received.
    """
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        env=_environment({"TERM": "xterm-256color", "COLUMNS": "120", **(variables or {})}),
        stdin=subprocess.DEVNULL,
        stdout=end if stdout else (cwd / "stdout.txt").open("wb"),
        stderr=end,
    )
    os.close(end)
    shown = b""
    while part := _read(terminal):
        shown += part
    os.close(terminal)
    status = process.wait()
    out = "" if stdout else (cwd / "stdout.txt").read_text(encoding="utf-8")
    return status, out, shown.decode("utf-8").replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other end is closed
        return b""


def _environment(variables: dict[str, str] | None) -> dict[str, str]:
    return {**without_colors(os.environ), **(variables or {})}
