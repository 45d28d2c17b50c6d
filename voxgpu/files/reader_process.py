"""The process that reads files for another one: serves requests within resource limits.

Nothing here trusts the files: the process may crash, and is killed if it takes more time or memory
than the request allows.
"""

from __future__ import annotations

import ctypes
import math
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from voxgpu.child_process import sendable
from voxgpu.frozen import frozen

if TYPE_CHECKING:
    import socket

#: Seconds without work after which the process exits.
_IDLE = 120

#: Bytes of an array sent at once; memory whose content was sent is freed.
_PIECE = 4 << 20

_DONTNEED = 4  # MADV_DONTNEED of Linux


@frozen(slots=True)
class Request:
    """A function call with its limits: bytes beyond the current use, and CPU seconds."""

    function: Callable[..., Any]
    arguments: tuple[object, ...]
    memory: int
    seconds: int


@frozen(slots=True)
class Array:
    """The type and shape of an array, whose bytes follow the answer."""

    element: str
    shape: tuple[int, ...]


@frozen(slots=True)
class Answer:
    """The result of a request: a value, or the exception raised."""

    value: Any
    error: Exception | None


def send_message(connection: socket.socket, data: bytes) -> None:
    """Send a message."""
    connection.sendall(len(data).to_bytes(8, "little") + data)


def receive_message(connection: socket.socket) -> bytes:
    """Receive the next message. Raises EOFError if the connection is closed."""
    length = bytearray(8)
    fill(connection, memoryview(length))
    data = bytearray(int.from_bytes(length, "little"))
    fill(connection, memoryview(data))
    return bytes(data)


def fill(connection: socket.socket, target: memoryview) -> None:
    """Receive bytes until ``target`` is full. Raises EOFError if the connection closes before."""
    while target:
        count = connection.recv_into(target)
        if not count:
            raise EOFError
        target = target[count:]


def serve(descriptor: int) -> None:
    """Answer requests from a socket until it is closed or none comes for `_IDLE` seconds."""
    import socket

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and closes the socket
    _limit("RLIMIT_CORE", 0)
    with socket.socket(fileno=descriptor) as connection, suppress(EOFError, OSError):
        connection.settimeout(_IDLE)
        while True:
            _answer(connection, _outcome(pickle.loads(receive_message(connection))))


def _outcome(request: Request) -> Answer:
    _limit("RLIMIT_DATA", _data() + request.memory)
    _limit("RLIMIT_CPU", math.ceil(time.process_time()) + request.seconds)
    try:
        return Answer(request.function(*request.arguments), None)
    except MemoryError:
        return Answer(None, MemoryError())
    except Exception as error:
        return Answer(None, sendable(error, f"{type(error).__name__}: {error}"))
    finally:
        _limit("RLIMIT_DATA", -1)
        _limit("RLIMIT_CPU", -1)


def _data() -> int:
    """Bytes of writable memory of this process, as RLIMIT_DATA counts them."""
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123
            return int(file.read().split()[5]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 1 << 30


def _limit(name: str, value: int) -> None:
    """Set a soft limit, if the system has it; -1 means none."""
    with suppress(ImportError, AttributeError, ValueError, OSError):
        import resource

        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        wanted = hard if value < 0 or 0 <= hard < value else value
        resource.setrlimit(kind, (wanted, hard))


def _answer(connection: socket.socket, answer: Answer) -> None:
    if not isinstance(answer.value, np.ndarray):
        send_message(connection, pickle.dumps(answer))
        return
    array = np.asarray(answer.value, order="C")
    send_message(connection, pickle.dumps(Answer(Array(array.dtype.str, array.shape), None)))
    held = array.reshape(-1).view(np.uint8)
    for at in range(0, held.size, _PIECE):
        piece = held[at : at + _PIECE]
        connection.sendall(piece.data)
        if held.size > _PIECE:
            _give_back(piece)


def _give_back(piece: npt.NDArray[np.uint8]) -> None:
    """Return the memory of a piece that is no longer read to the system."""
    if sys.platform != "linux":
        return
    page = os.sysconf("SC_PAGE_SIZE")
    start = -(-piece.ctypes.data // page) * page
    count = (piece.ctypes.data + piece.size) // page * page - start
    if count > 0:
        ctypes.CDLL(None).madvise(ctypes.c_void_p(start), ctypes.c_size_t(count), _DONTNEED)
