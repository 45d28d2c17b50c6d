"""How are files read by code that damage may crash, hang or make greedy? In a process of its own.

One such process is kept and asked again and again, so that reading many small files stays fast; it
ends by itself after two minutes without work. Arrays come back through a socket, piece by piece,
while the other process lets go of what it has sent: there is one copy of an image, not two.
"""

from __future__ import annotations

import atexit
import math
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from voxgpu.cancellation import ended_by
from voxgpu.child_process import python_command
from voxgpu.files.errors import FileError
from voxgpu.files.paths import file_size
from voxgpu.files.reader_process import Answer, Array, Request, fill, received, sent
from voxgpu.limits.process import memory_limits

Result = TypeVar("Result")

#: Memory in bytes that a reader may take for whatever image; what libraries and headers need.
_ROOM = 384 << 20

#: Times the voxels that a header promises, and the bytes of its files, that a reader may take.
_TIMES_VOXELS, _TIMES_FILES = 3, 2

#: What may be taken without a look at how much there is.
_MUCH = 1 << 30

#: Seconds of computing for whatever image, for each file, and bytes that are read in a second.
_SECONDS, _SECONDS_A_FILE, _BYTES_A_SECOND = 3.0, 0.05, 10_000_000

#: Waiting, which slow disks are allowed, may take so many times as long as computing, and a minute.
_WAITING, _LEAST_WAIT = 20, 60

#: So many processes at once read images of at least so many bytes; others wait for one.
_MOST, _LARGE = 4, 16 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading may take before it is ended.

    promised  bytes of voxels that the header promises; 0 while it is read itself
    memory    bytes, beyond what the process has
    seconds   of computing
    scarce    whether there is no more memory that could be allowed
    """

    promised: int
    memory: int
    seconds: int
    scarce: bool = False


def limits_of(files: Iterable[str], promised: int = 0) -> Limits:
    """The limits for reading ``files``, whose header promises so many bytes of voxels."""
    sizes = [_size(file) for file in files]
    memory = _ROOM + _TIMES_VOXELS * promised + _TIMES_FILES * sum(sizes)
    work = max(promised, sum(sizes)) / _BYTES_A_SECOND
    seconds = math.ceil(_SECONDS + _SECONDS_A_FILE * len(sizes) + work)
    if memory > _MUCH:
        left = memory_limits()[0].left
        if left < memory:
            return Limits(promised, max(left, _MUCH), seconds, True)
    return Limits(promised, memory, seconds)


def _size(path: str) -> int:
    try:
        return file_size(path)
    except FileError:
        return 0  # reading will say that it is gone


def read_apart(
    path: str, within: Limits, function: Callable[..., Result], *arguments: object
) -> Result:
    """``function(*arguments)``, in a process that damage in the file at ``path`` may end.

    The function must be one of a module; arguments and results are pickled. Raises
    what the function raises, and FileError where reading crashes or goes beyond the limits.
    """
    if os.name != "posix" or not sys.executable:
        return function(*arguments)  # where no such process can be started
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
        if process.code != 0:  # it had not just ended for want of work
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
    """Reason and help for a process that ended so; None where it did nothing for long."""
    if code is None or code == -signal.SIGXCPU:
        what = "of computing" if code else "and does not end"
        limit = within.seconds if code else _patience(within.seconds)
        return f"it is damaged: reading it takes more than {limit:.0f} s {what}", ""
    if code > 0:
        command = f"{sys.executable} -c 'import voxgpu.files.reader_process, SimpleITK'"
        return f"the process that reads such files ended with {code}", f"see why: {command}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
    if code == -signal.SIGKILL:
        return f"the process that read it was ended ({name}), perhaps for want of memory", ""
    return f"it is damaged: its reader crashes ({name})", ""


def _patience(seconds: float) -> float:
    return _LEAST_WAIT + _WAITING * seconds


class _Process:
    """A process that reads files, one at a time.

    code  how it ended: 0 by itself, a negative signal, None while it runs
    """

    def __init__(self) -> None:
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
        """What comes of a request; None where the process ends instead."""
        data = pickle.dumps(request)
        self._socket.settimeout(_patience(request.seconds))
        try:
            sent(self._socket, data)
            answer: Answer = pickle.loads(received(self._socket))
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
        """End the process, which whoever asked it something will notice."""
        self._process.kill()

    def close(self) -> None:
        """End the process, whatever it does."""
        self.forget()
        self._process.kill()
        self.code = self._process.wait()

    def forget(self) -> None:
        """Let go of the process, which another one has started."""
        self._socket.close()


class _Processes:
    """Processes that wait for work, and how many there are."""

    def __init__(self) -> None:
        self._idle: list[_Process] = []
        self._count = 0
        self._changed = threading.Condition()

    def take(self, path: str, large: bool) -> _Process:
        """One that has no work; a new one where there is none, or few and the work is large."""
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
        """The process has no more work; one that is not usable is ended."""
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
        """End those that wait."""
        with self._changed:
            while self._idle:
                self._idle.pop().close()
                self._count -= 1

    def forget(self) -> None:
        """Let go of all, which belong to the process that this one was forked from."""
        for each in self._idle:
            each.forget()


_PROCESSES = _Processes()


def close() -> None:
    """End the processes that wait for work; others start when they are needed."""
    _PROCESSES.close()


def _after_fork() -> None:
    global _PROCESSES
    _PROCESSES.forget()
    _PROCESSES = _Processes()


atexit.register(close)
os.register_at_fork(after_in_child=_after_fork)
