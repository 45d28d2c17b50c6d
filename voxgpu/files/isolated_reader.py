"""Reading files in a separate process, for readers that damaged files can crash or hang.

One process is kept and reused, so that reading many small files stays fast; it exits after two
minutes without work. Arrays come back through a socket, piece by piece, while the other process
frees what it has sent: there is one copy of an image in memory, not two.
"""

from __future__ import annotations

import atexit
import math
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from voxgpu.cancellation import ended_by
from voxgpu.child_process import python_command
from voxgpu.files.errors import FileError
from voxgpu.files.paths import file_size
from voxgpu.files.reader_process import Answer, Array, Request, fill, receive_message, send_message
from voxgpu.frozen import frozen
from voxgpu.limits.process import memory_limits

Result = TypeVar("Result")

#: Bytes of memory that any reader may use; enough for libraries and headers.
_ROOM = 384 << 20

#: Memory allowed as multiples of the promised voxel bytes and of the file sizes.
_TIMES_VOXELS, _TIMES_FILES = 3, 2

#: Bytes that may be used without checking how much memory is free.
_MUCH = 1 << 30

#: CPU seconds allowed for any image, CPU seconds per file, and bytes expected per second.
_SECONDS, _SECONDS_A_FILE, _BYTES_A_SECOND = 3.0, 0.05, 10_000_000

#: Wall time allowed, for slow disks: this multiple of the CPU time, at least this many seconds.
_WAITING, _LEAST_WAIT = 20, 60

#: At most this many processes read images of at least this many bytes at once; others wait.
_MOST, _LARGE = 4, 16 << 20


@frozen(slots=True)
class Limits:
    """Resource limits of one read, enforced by the operating system and a timeout.

    promised  bytes of voxels that the header promises; 0 while the header itself is read
    memory    bytes beyond what the process uses already
    seconds   of CPU time
    scarce    whether ``memory`` is limited by the free memory of the machine
    """

    promised: int
    memory: int
    seconds: int
    scarce: bool = False


def limits_of(files: Iterable[str], promised: int = 0) -> Limits:
    """The limits for reading ``files``, whose header promises ``promised`` bytes of voxels."""
    sizes = [_size(file) for file in files]
    memory = _ROOM + _TIMES_VOXELS * promised + _TIMES_FILES * sum(sizes)
    work = max(promised, sum(sizes)) / _BYTES_A_SECOND
    seconds = math.ceil(_SECONDS + _SECONDS_A_FILE * len(sizes) + work)
    if memory > _MUCH:
        left = memory_limits()[0].available
        if left < memory:
            return Limits(promised, max(left, _MUCH), seconds, True)
    return Limits(promised, memory, seconds)


def _size(path: str) -> int:
    try:
        return file_size(path)
    except FileError:
        return 0  # reading reports that it is gone


def read_isolated(
    path: str, within: Limits, function: Callable[..., Result], *arguments: object
) -> Result:
    """Call ``function(*arguments)`` in a process that a damaged file at ``path`` may crash.

    The function must be defined at module level; arguments and results are pickled. Raises what the
    function raises, and FileError if the process crashes or exceeds the limits.
    """
    if os.name != "posix" or not sys.executable:
        return function(*arguments)  # if no such process can be started
    request = Request(function, arguments, within.memory, within.seconds)
    large = within.promised >= _LARGE
    for _ in range(2):
        process = _PROCESSES.take(path, large)
        usable = False
        try:
            with ended_by(process.kill):
                answer = process.ask(request)
            usable = answer is not None
        finally:
            _PROCESSES.give_back(process, usable)
        if answer is not None:
            result: Result = _result(path, within, answer)
            return result
        if process.code != 0:  # it did not just exit for lack of work
            break
    raise FileError(path, *_death(process.code, within))


def _result(path: str, within: Limits, answer: Answer) -> Any:
    if isinstance(answer.error, MemoryError):
        raise FileError(path, _greedy(within))
    if answer.error is not None:
        raise answer.error
    return answer.value


def _greedy(within: Limits) -> str:
    promised = f"; its header promises {within.promised:,} of voxels" if within.promised else ""
    if within.scarce:
        return f"reading it takes more than the {within.memory:,} bytes of memory left{promised}"
    return f"it is damaged: reading it takes more than {within.memory:,} bytes of memory{promised}"


def _death(code: int | None, within: Limits) -> tuple[str, str]:
    """Reason and help for a process that exited with this code; None means no answer in time."""
    if code is None or code == -signal.SIGXCPU:
        what = "of computing" if code else "and does not end"
        limit = within.seconds if code else _patience(within.seconds)
        return f"it is damaged: reading it takes more than {limit:.0f} s {what}", ""
    if code > 0:
        command = f"{sys.executable} -c 'import voxgpu.files.reader_process, SimpleITK'"
        return f"the process that reads such files ended with {code}", f"see why: {command}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
    if code == -signal.SIGKILL:
        return f"the process that read it was ended ({name}), perhaps for lack of memory", ""
    return f"it is damaged: its reader crashes ({name})", ""


def _patience(seconds: float) -> float:
    return _LEAST_WAIT + _WAITING * seconds


class _Process:
    """A process that reads files, one at a time.

    code  exit code: 0 for a normal exit, negative for a signal, None while it runs
    """

    def __init__(self) -> None:
        import socket
        import subprocess

        self.code: int | None = None
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                python_command(
                    "voxgpu.files.reader_process",
                    "serve(int(sys.argv[2]))",
                    str(theirs.fileno()),
                ),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

    def ask(self, request: Request) -> Answer | None:
        """Send a request and return its answer; None if the process ends instead."""
        data = pickle.dumps(request)
        self._socket.settimeout(_patience(request.seconds))
        try:
            send_message(self._socket, data)
            answer: Answer = pickle.loads(receive_message(self._socket))
            if isinstance(answer.value, Array):
                return Answer(self._array(answer.value), None)
            return answer
        except TimeoutError:
            self.close()
            self.code = None
            return None
        except (EOFError, OSError):
            self.code = self._process.wait()
            return None

    def _array(self, kind: Array) -> npt.NDArray[Any]:
        array = np.empty(kind.shape, kind.element)
        fill(self._socket, array.reshape(-1).view(np.uint8).data)
        return array

    def kill(self) -> None:
        """Kill the process; a pending `ask` returns None."""
        self._process.kill()

    def close(self) -> None:
        """Kill the process, whatever it does."""
        self.forget()
        self._process.kill()
        self.code = self._process.wait()

    def forget(self) -> None:
        """Drop the process without ending it, since another process started it."""
        self._socket.close()


class _Processes:
    """The pool of idle reader processes, with limits on how many run."""

    def __init__(self) -> None:
        self._idle: list[_Process] = []
        self._count = 0
        self._changed = threading.Condition()

    def take(self, path: str, large: bool) -> _Process:
        """Take an idle process; starts one if none is idle, within the limit for large images."""
        most = _MOST if large else 1
        with self._changed:
            self._changed.wait_for(lambda: self._idle or self._count < most)
            if self._idle:
                return self._idle.pop()
            self._count += 1
        try:
            return _Process()
        except BaseException as error:
            with self._changed:
                self._count -= 1
                self._changed.notify()
            if isinstance(error, OSError):
                reason = f"no process to read it can be started ({error.strerror})"
                raise FileError(path, reason) from None
            raise

    def give_back(self, process: _Process, usable: bool) -> None:
        """Return a process to the pool; one that is not usable is killed."""
        if not usable:
            with suppress(OSError):
                code = process.code
                process.close()
                process.code = code
        with self._changed:
            if usable:
                self._idle.append(process)
            else:
                self._count -= 1
            self._changed.notify()

    def close(self) -> None:
        """Kill the idle processes."""
        with self._changed:
            while self._idle:
                self._idle.pop().close()
                self._count -= 1

    def forget(self) -> None:
        """Drop all processes, which belong to the parent that this process was forked from."""
        for each in self._idle:
            each.forget()


_PROCESSES = _Processes()


def close() -> None:
    """Kill the idle reader processes; others start when they are needed."""
    _PROCESSES.close()


def _after_fork() -> None:
    global _PROCESSES
    _PROCESSES.forget()
    _PROCESSES = _Processes()


atexit.register(close)
os.register_at_fork(after_in_child=_after_fork)
