"""Robust standard streams: closed, or redirected to a full disk.

Results go to stdout: if they cannot be written, the command fails and says so. Messages go to
stderr: if they cannot be written, no one can be told, and the command continues.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import BinaryIO


def open_streams() -> None:
    """Replace stdout by a stream that remembers errors, and stderr by one that never fails.

    Every closed standard stream gets a descriptor: otherwise the first file that is opened would
    take its number, and receive what is printed.
    """
    # Writing to a closed stdout must fail: its descriptor is opened for reading.
    for number, mode in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
    if sys.stdout is None or sys.stdout is sys.__stdout__:
        sys.stdout = _Stdout(*_parts(sys.stdout, 1))
    if sys.stderr is None or sys.stderr is sys.__stderr__:
        sys.stderr = _Stderr(*_parts(sys.stderr, 2), line_buffering=True)


def output_problem() -> OSError | None:
    """The error that occurred while printing, or None. The remaining output is dropped."""
    with suppress(OSError):
        sys.stdout.flush()
    problem = sys.stdout.problem if isinstance(sys.stdout, _Stdout) else None
    if problem is not None:
        # Python flushes the rest at exit: it goes nowhere.
        with suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.close(nowhere)
    return problem


def _parts(stream: object, number: int) -> tuple[BinaryIO, str, str]:
    """Buffer, encoding and error mode of a text stream, or defaults for a closed one."""
    if isinstance(stream, io.TextIOWrapper):
        return stream.buffer, stream.encoding, stream.errors or "strict"
    return open(number, "wb", closefd=False), "utf-8", "backslashreplace"


class _Stdout(io.TextIOWrapper):
    """A stream that remembers write errors."""

    problem: OSError | None = None

    def write(self, text: str) -> int:
        """Write as usual, recording errors."""
        try:
            return super().write(text)
        except OSError as error:
            self.problem = error
            raise

    def flush(self) -> None:
        """Flush as usual, recording errors."""
        try:
            super().flush()
        except OSError as error:
            self.problem = error
            raise


class _Stderr(io.TextIOWrapper):
    """A stream that drops output that cannot be written."""

    def write(self, text: str) -> int:
        """Write as usual, but never fail."""
        with suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        """Flush as usual, but never fail."""
        with suppress(OSError):
            super().flush()
