"""Processes of ``voxgpu`` forked from one that has imported it already.

A cold interpreter takes most of a second to import what a run needs; a fork takes milliseconds.
Each command still has a process, an environment, a folder and streams of its own, and ends as a
process does. Tests of the cold start itself use ``command.COMMAND``.
"""

from __future__ import annotations

import json
import os
import pkgutil
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: Maximum bytes of a request: arguments and changed environment variables.
MOST_BYTES = 1 << 16

#: Variables that are read on use, not when modules are imported.
_READ_LATE = ("VOXGPU_", "XDG_", "HOME", "PYTEST_CURRENT_TEST")

_one_at_a_time = threading.Lock()


def without_colors(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment without the variables of the test run that affect colors."""
    deciding = ("NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS", "TTY_COMPATIBLE")
    return {name: value for name, value in variables.items() if name not in deciding}


def forked(
    arguments: list[str], cwd: Path, environment: dict[str, str]
) -> tuple[int, bytes, bytes] | None:
    """Run a command in a forked process; return its exit status, stdout and stderr.

    None if it must be started cold: imports read a changed environment variable, or another thread
    is running a command.
    """
    if not hasattr(os, "fork") or not _one_at_a_time.acquire(blocking=False):
        return None
    try:
        connection, started_with, _ = _server()
        names = environment.keys() | started_with.keys()
        changed = {n for n in names if environment.get(n) != started_with.get(n)}
        request = json.dumps([arguments, str(cwd), {n: environment.get(n) for n in changed}])
        if not all(n.startswith(_READ_LATE) for n in changed) or len(request) > MOST_BYTES // 2:
            return None
        return _asked(connection, request.encode())
    finally:
        _one_at_a_time.release()


def _asked(connection: socket.socket, request: bytes) -> tuple[int, bytes, bytes]:
    pipes = [os.pipe(), os.pipe()]
    socket.send_fds(connection, [request], [writing for _, writing in pipes])
    for _, writing in pipes:
        os.close(writing)
    with ThreadPoolExecutor(2) as threads:
        out, err = threads.map(_read, [reading for reading, _ in pipes])
    return int(connection.recv(64)), out, err


def _read(descriptor: int) -> bytes:
    with open(descriptor, "rb") as file:
        return file.read()


@cache
def _server() -> tuple[socket.socket, dict[str, str], subprocess.Popen[bytes]]:
    """The connection to the forking process, its initial environment, and the process."""
    environment = without_colors(os.environ)
    ours, theirs = socket.socketpair()
    with theirs:
        # It ends with this process, when reading fails.
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.warm", str(theirs.fileno())],
            cwd=ROOT,
            env=environment,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            # Python's streams are set up at the start: for pipes, as later.
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    return ours, environment, process


def _import_what_runs_need() -> None:
    import voxgpu
    import voxgpu.cli

    for each in pkgutil.iter_modules(voxgpu.cli.__path__):
        import_module(f"voxgpu.cli.{each.name}")
    for name in ("session", "compile", "execution.outputs", "backends.cpu.backend"):
        import_module(f"voxgpu.{name}")
    # The grammar and the primitives are created for the first program.
    assert not voxgpu.check('print "one" 1')
    assert not {"SimpleITK", "numba"} & sys.modules.keys(), "each decides itself how it is loaded"
    assert threading.active_count() == 1


def _next_command(connection: socket.socket) -> bool:
    """Fork for each request; returns True in the child, whose command is in ``sys.argv``."""
    while True:
        request, descriptors, _, _ = socket.recv_fds(connection, MOST_BYTES, 2)
        if not request:
            return False
        child = os.fork()
        if child == 0:
            connection.close()
            arguments, cwd, variables = json.loads(request)
            _become(arguments, cwd, variables, descriptors)
            return True
        for each in descriptors:
            os.close(each)
        _, status = os.waitpid(child, 0)
        connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())


def _become(
    arguments: list[str], cwd: str, variables: dict[str, str | None], descriptors: list[int]
) -> None:
    for target, descriptor in enumerate(descriptors, start=1):
        os.dup2(descriptor, target)
        os.close(descriptor)
    os.chdir(cwd)
    for name, value in variables.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    sys.path[0] = cwd
    sys.argv = ["voxgpu", *arguments]


def _serve() -> None:
    _import_what_runs_need()
    if _next_command(socket.socket(fileno=int(sys.argv[1]))):
        from voxgpu.cli.main import main

        main()


if __name__ == "__main__":
    _serve()
